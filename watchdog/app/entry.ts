import { readFile } from "node:fs/promises";
import { connectEntry, type EntryConnection } from "../adapters/entry/canary.ts";
import { readSecret } from "../config/files.ts";
import type { WatchdogConfig } from "../config/schema.ts";

/** Connects to the entry of the HAProxy beside this watchdog, for canaries; null where none are sent. */
export async function connectOwnEntry({ name, entry, canary }: WatchdogConfig): Promise<EntryConnection | null> {
  if (entry === null || !canary.enabled) return null;
  const { url, username, passwordFile, caFile } = entry;
  const [password, ca] = await Promise.all([readSecret("entry.passwordFile", passwordFile), readFile(caFile, "utf8")]);
  return connectEntry({ url, username, password, ca, watchdog: name, timeoutMs: canary.timeoutMs });
}
