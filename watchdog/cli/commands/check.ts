import type { Command } from "commander";
import { askControlSocket, WatchdogNotRunning } from "../../adapters/control-socket/client.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import { messageOf } from "../../util/errors.ts";
import type { CommandContext } from "../context.ts";
import { checkStatus, pluginStatus, pluginText } from "../output/check.ts";

const help = `
Exit status, as monitoring plugins have it: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.`;

export function addCheck(program: Command, { configFile, print, finish }: CommandContext): void {
  program
    .command("check")
    .description("one line for Nagios, Icinga and the like: does the region serve, and would the other one take over")
    .addHelpText("after", help)
    .action(async () => {
      try {
        const { controlSocket } = await parseConfigFile(configFile());
        const { severity, text } = checkStatus(await askControlSocket(controlSocket, controlApi.status, {}));
        print(text);
        finish(pluginStatus[severity]);
      } catch (error) {
        const severity = error instanceof WatchdogNotRunning ? "CRITICAL" : "UNKNOWN";
        print(pluginText(severity, [messageOf(error)]));
        finish(pluginStatus[severity]);
      }
    });
}
