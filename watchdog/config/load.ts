import { readFile } from "node:fs/promises";
import { reasonOf } from "../adapters/files.ts";
import { checkCaFile, keyPairProblems, readSecretFile } from "./files.ts";
import { ConfigError, type ConfigProblem, problemsOf } from "./problems.ts";
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
  const problems = [
    ...crossFieldProblems(config),
    password.problem,
    await checkCaFile("elasticsearch.caFile", caFile, Date.now()),
    ...(await storeFileProblems(config)),
    ...(await failsafeFileProblems(config)),
  ].filter((problem) => problem !== null);
  if (problems.length > 0 || password.problem !== null) throw new ConfigError(file, problems);
  return { config, elasticsearchPassword: password.content };
}

async function storeFileProblems({ store }: WatchdogConfig): Promise<readonly (ConfigProblem | null)[]> {
  if (store.kind !== "etcd") return [];
  return [
    (await readSecretFile("store.passwordFile", store.passwordFile)).problem,
    await checkCaFile("store.caFile", store.caFile, Date.now()),
    ...(await keyPairProblems("store", store)),
  ];
}

async function failsafeFileProblems({ failsafe }: WatchdogConfig): Promise<readonly (ConfigProblem | null)[]> {
  if (failsafe === null) return [];
  return [
    await checkCaFile("failsafe.caFile", failsafe.caFile, Date.now()),
    ...(await keyPairProblems("failsafe", failsafe)),
  ];
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
