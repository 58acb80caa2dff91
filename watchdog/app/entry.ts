import { connectEntry, type EntryConnection } from "../adapters/entry/canary.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { Renewals } from "./renewals.ts";
import { accessSource } from "./sources.ts";

/** Connects to the entry of the HAProxy beside this watchdog, for canaries; null where none are sent. */
export async function connectOwnEntry(
  { name, entry, canary }: WatchdogConfig,
  renewals: Pick<Renewals, "add">,
): Promise<EntryConnection | null> {
  if (entry === null || !canary.enabled) return null;
  const { url, username } = entry;
  const access = await renewals.add(accessSource("entry", entry));
  return connectEntry({ url, username, access, watchdog: name, timeoutMs: canary.timeoutMs });
}
