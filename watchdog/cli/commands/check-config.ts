import type { Command } from "commander";
import { loadConfig } from "../../config/load.ts";
import { hookFileViolations, notificationFileViolations } from "../../config/referenced-files.ts";
import { ConfigError } from "../../config/violations.ts";
import type { CommandContext } from "../context.ts";

export function addCheckConfig(program: Command, { configFile, print }: CommandContext): void {
  program
    .command("check-config")
    .description("validate a configuration and the files that it names")
    .argument("[file]", "default: the configuration file")
    .action(async (file: string | undefined) => {
      const checked = file ?? configFile();
      const { config } = await loadConfig(checked);
      const violations = [
        ...(await notificationFileViolations(config.notifications)),
        ...(await hookFileViolations(config.hooks)),
      ];
      if (violations.length > 0) throw new ConfigError(checked, violations);
      const regions = Object.keys(config.regions).join(" and ");
      print(`${checked} is valid: watchdog ${config.name} in ${config.site}, for ${regions}.`);
    });
}
