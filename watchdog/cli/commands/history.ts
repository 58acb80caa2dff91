import type { Command } from "commander";
import { askControlSocket, WatchdogNotRunning } from "../../adapters/control-socket/client.ts";
import { readStore } from "../../app/store.ts";
import { parseConfigFile } from "../../config/load.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { HistoryEntry } from "../../core/state/history.ts";
import type { CommandContext } from "../context.ts";
import { jsonOption, wholeNumber } from "../options.ts";
import { formatHistory } from "../output/history.ts";

interface HistoryOptions {
  readonly json: boolean;
  readonly limit: number;
}

export function addHistory(program: Command, { configFile, print }: CommandContext): void {
  program
    .command("history")
    .description("show every change with its time, rule and operator; newest last")
    .addOption(jsonOption())
    .option("--limit <n>", "show at most this many entries", wholeNumber(1, 10_000), 50)
    .action(async ({ json, limit }: HistoryOptions) => {
      const entries = await readHistory(await parseConfigFile(configFile()), limit);
      print(json ? JSON.stringify(entries, null, 2) : formatHistory(entries));
    });
}

/** From the running watchdog or, without one, from the store. */
async function readHistory(config: WatchdogConfig, limit: number): Promise<readonly HistoryEntry[]> {
  try {
    return await askControlSocket(config.controlSocket, controlApi.history, { limit });
  } catch (error) {
    if (!(error instanceof WatchdogNotRunning)) throw error;
    return readStore(config, (store) => store.history(limit));
  }
}
