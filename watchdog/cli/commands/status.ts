import type { Command } from "commander";
import { askControlSocket, WatchdogNotRunning } from "../../adapters/control-socket/client.ts";
import { readStore } from "../../app/store.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonOption } from "../options.ts";
import { applicationsSection } from "../output/applications.ts";
import { formatStatus, formatStoredRecord } from "../output/status.ts";

export function addStatus(program: Command, context: CommandContext): void {
  program
    .command("status")
    .description("show regions, replication, routing and what the watchdog is doing")
    .addOption(jsonOption())
    .action((options: { json: boolean }) => showStatus(context, options));
}

/** Shows the running watchdog's status; without a running watchdog, the state document in its store. */
async function showStatus({ configFile, print, finish }: CommandContext, { json }: { json: boolean }): Promise<void> {
  const config = await parseConfigFile(configFile());
  try {
    const status = await askControlSocket(config.controlSocket, controlApi.status, {});
    const parts = [formatStatus(status, status.readiness), applicationsSection(status.applications, status.nowMs)];
    print(json ? JSON.stringify(status, null, 2) : parts.filter((part) => part !== "").join("\n\n"));
  } catch (error) {
    if (!(error instanceof WatchdogNotRunning)) throw error;
    const record = (await readStore(config, (store) => store.read()))?.record ?? null;
    if (json) print(JSON.stringify({ running: false, record }, null, 2));
    else {
      const stored = formatStoredRecord(record, Date.now());
      print(`The watchdog is not running (${error.message}).\nIts store contains:\n\n${stored}`);
    }
    finish(exitCodes.notRunning);
  }
}
