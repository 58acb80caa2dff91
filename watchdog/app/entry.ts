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
  const { url, username, passwordFile, caFile } = entry;
  const secret = { key: "entry.passwordFile", file: passwordFile };
  const ca = { key: "entry.caFile", file: caFile };
  const source = accessSource("entry", { credentials: { kind: "password", username, secret }, ca });
  return connectEntry({ url, access: await renewals.add(source), watchdog: name, timeoutMs: canary.timeoutMs });
}
