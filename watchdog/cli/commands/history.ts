import { askControlSocket, WatchdogNotRunning } from "../../adapters/control-socket.ts";
import { readStore } from "../../app/store.ts";
import { parseConfigFile } from "../../config/load.ts";
import type { HistoryEntry } from "../../core/ports/store.ts";
import type { CommandContext } from "../context.ts";
import { formatHistory } from "../output/status.ts";

export interface HistoryOptions {
  readonly json: boolean;
  readonly limit: number;
}

/** Shows what changed, newest last. The store is read directly when no watchdog is running. */
export async function showHistory(
  { configFile, print }: CommandContext,
  { json, limit }: HistoryOptions,
): Promise<void> {
  const config = await parseConfigFile(configFile());
  let entries: readonly HistoryEntry[];
  try {
    entries = (await askControlSocket(config.controlSocket, `GET /history?limit=${limit}`)) as readonly HistoryEntry[];
  } catch (error) {
    if (!(error instanceof WatchdogNotRunning)) throw error;
    entries = await readStore(config, (store) => store.history(limit));
  }
  print(json ? JSON.stringify(entries, null, 2) : formatHistory(entries));
}
