import { existsSync } from "node:fs";
import { applyHaproxyConfiguration } from "../../adapters/haproxy/apply.ts";
import { parseConfigFile } from "../../config/load.ts";
import { routerSettingsSchema } from "../../config/schema.ts";

/**
 * Puts a new HAProxy configuration in place. Where it lies and how HAProxy is reached is read from the watchdog's
 * configuration, where there is one: a host may get its HAProxy before its watchdog.
 *
 * @returns what was done, in a sentence
 */
export async function applyHaproxy(configFile: string, newFile: string): Promise<string> {
  const router = existsSync(configFile) ? (await parseConfigFile(configFile)).router : routerSettingsSchema.parse({});
  if (router === null) throw new Error(`${configFile} says that this host has no router: there is no HAProxy here`);
  const outcome = await applyHaproxyConfiguration({ ...router, newFile });
  switch (outcome) {
    case "unchanged":
      return `${router.configFile} is the same already.`;
    case "reloaded":
      return `HAProxy serves by the new ${router.configFile}; the former one is kept as ${router.configFile}.previous.`;
    case "installed":
      return `The new ${router.configFile} is in place. HAProxy is not running (no master at ${router.masterSocket}); it will start from it.`;
    default:
      return outcome satisfies never;
  }
}
