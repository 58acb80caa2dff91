import type { Command } from "commander";
import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonOption } from "../options.ts";
import { formatTestOutcomes } from "../output/notifications.ts";

/** For the watchdog's own work around the attempts. */
const MARGIN_MS = 5_000;

interface NotifyOptions {
  readonly test: string | true;
  readonly json: boolean;
}

export function addNotify(program: Command, context: CommandContext): void {
  program
    .command("notify")
    .description("send a test message to the targets of notifications, by the running watchdog")
    .requiredOption("--test [target]", "to this target; without a name, to all")
    .addOption(jsonOption())
    .action((options: NotifyOptions) => notify(context, options));
}

/** The watchdog sends it, as its user and within its sandbox, as it would send any message. */
async function notify({ configFile, print, finish }: CommandContext, { test, json }: NotifyOptions): Promise<void> {
  const { controlSocket, notifications } = await parseConfigFile(configFile());
  const longestMs = Math.max(0, ...notifications.targets.map(({ timeoutMs }) => timeoutMs));
  const request = { target: test === true ? null : test };
  const options = { timeoutMs: longestMs + MARGIN_MS };
  const outcomes = await askControlSocket(controlSocket, controlApi.notifyTest, request, options);
  print(json ? JSON.stringify(outcomes, null, 2) : formatTestOutcomes(outcomes));
  if (outcomes.some(({ error }) => error !== null)) finish(exitCodes.failed);
}
