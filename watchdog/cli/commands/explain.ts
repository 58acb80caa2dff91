import type { Command } from "commander";
import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { CommandContext } from "../context.ts";
import { jsonOption } from "../options.ts";
import { formatExplanation } from "../output/status.ts";

export function addExplain(program: Command, { configFile, print }: CommandContext): void {
  program
    .command("explain")
    .description("show every rule: which one applies now, and what blocks the others")
    .addOption(jsonOption())
    .action(async ({ json }: { json: boolean }) => {
      const { controlSocket } = await parseConfigFile(configFile());
      const explanation = await askControlSocket(controlSocket, controlApi.explain, {});
      print(json ? JSON.stringify(explanation, null, 2) : formatExplanation(explanation));
    });
}
