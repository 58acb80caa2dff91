import { readFile } from "node:fs/promises";
import { reasonOf } from "../adapters/files.ts";
import { checkCaFile, readSecretFile } from "./files.ts";
import { ConfigError, problemsOf } from "./problems.ts";
import { crossFieldProblems } from "./rules.ts";
import { type WatchdogConfig, watchdogConfigSchema } from "./schema.ts";

export const DEFAULT_CONFIG_FILE = "/etc/es-failover/watchdog.json";

export interface LoadedConfig {
  readonly config: WatchdogConfig;
  readonly elasticsearchPassword: string;
}

/**
 * Reads the configuration and every file that it names.
 *
 * @throws ConfigError with all problems: of the shape first; where that is right, of the values and files together
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const config = await parseConfigFile(file);
  const { passwordFile, caFile } = config.elasticsearch;
  const password = await readSecretFile("elasticsearch.passwordFile", passwordFile);
  const ca = await checkCaFile("elasticsearch.caFile", caFile, Date.now());
  const problems = [...crossFieldProblems(config), password.problem, ca].filter((problem) => problem !== null);
  if (problems.length > 0 || password.problem !== null) throw new ConfigError(file, problems);
  return { config, elasticsearchPassword: password.content };
}

/**
 * Reads the configuration alone: its shape is checked, the files that it names are not.
 *
 * @throws ConfigError
 */
export async function parseConfigFile(file: string): Promise<WatchdogConfig> {
  let input: unknown;
  try {
    input = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const message =
      error instanceof SyntaxError ? `is not JSON: ${error.message}` : `cannot be read: ${reasonOf(error)}`;
    throw new ConfigError(file, [{ key: "", message: `the file ${message}` }]);
  }
  const parsed = watchdogConfigSchema.safeParse(input);
  if (!parsed.success) throw new ConfigError(file, problemsOf(parsed.error, input));
  return parsed.data;
}
