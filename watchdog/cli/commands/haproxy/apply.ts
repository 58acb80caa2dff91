import { existsSync } from "node:fs";
import type { Command } from "commander";
import { applyHaproxyConfiguration } from "../../../adapters/haproxy/apply.ts";
import { parseConfigFile } from "../../../config/load.ts";
import { defaultRouterSettings } from "../../../config/schema.ts";
import type { CommandContext } from "../../context.ts";
import { routerOf } from "./router.ts";

export function addApply(haproxy: Command, { configFile, print }: CommandContext): void {
  haproxy
    .command("apply")
    .description("check a new configuration, install it and reload HAProxy; roll back if that fails (as root)")
    .requiredOption("-f, --file <file>", "the new HAProxy configuration")
    .action(async ({ file }: { file: string }) => print(await applyHaproxy(configFile(), file)));
}

/**
 * Takes HAProxy's paths from the watchdog's configuration, or the defaults without one: a host may get its HAProxy
 * before its watchdog.
 *
 * @returns the outcome in a sentence
 */
async function applyHaproxy(configFile: string, newFile: string): Promise<string> {
  const router = existsSync(configFile)
    ? routerOf(await parseConfigFile(configFile), configFile)
    : defaultRouterSettings;
  const outcome = await applyHaproxyConfiguration({ ...router, newFile });
  const { configFile: target, masterSocket } = router;
  switch (outcome) {
    case "unchanged":
      return `${target} is unchanged.`;
    case "reloaded":
      return `HAProxy now runs the new ${target}; the previous one is kept as ${target}.previous.`;
    case "installed":
      return `Installed the new ${target}. HAProxy is not running (no master at ${masterSocket}) and will start with it.`;
    default:
      return outcome satisfies never;
  }
}
