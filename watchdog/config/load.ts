import { readFile } from "node:fs/promises";
import { z } from "zod";
import { reasonOf } from "../util/files.ts";
import { type EtcdAccess, type PublisherConfig, publisherSchema } from "./applications.ts";
import { crossFieldProblems, publisherProblems } from "./contradictions.ts";
import { checkCaFile, keyPairProblems, readSecretFile } from "./files.ts";
import { type WatchdogConfig, watchdogConfigSchema } from "./schema.ts";
import { ConfigError, type ConfigProblem, problemsOf } from "./violations.ts";

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
    ...(await endpointFileProblems(config)),
    ...(config.publisher === null ? [] : await publisherFileProblems(config.publisher)),
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

async function endpointFileProblems({ endpoint }: WatchdogConfig): Promise<readonly (ConfigProblem | null)[]> {
  if (endpoint === null) return [];
  const { certificateFile, keyFile } = endpoint;
  if (certificateFile === null || keyFile === null) return [];
  return keyPairProblems("endpoint", { certificateFile, keyFile });
}

async function publisherFileProblems(config: PublisherConfig): Promise<readonly (ConfigProblem | null)[]> {
  const { source, etcd, consul } = config;
  const etcdProblems = async (section: string, access: EtcdAccess) => [
    (await readSecretFile(`${section}.passwordFile`, access.passwordFile)).problem,
    await checkCaFile(`${section}.caFile`, access.caFile, Date.now()),
    ...(await keyPairProblems(section, access)),
  ];
  const checkCa = async (section: string, file: string | null) =>
    file === null ? [] : [await checkCaFile(`${section}.caFile`, file, Date.now())];
  return [
    ...(source.kind === "etcd"
      ? await etcdProblems("publisher.source", source)
      : await checkCa("publisher.source", source.caFile)),
    ...(etcd === null ? [] : await etcdProblems("publisher.etcd", etcd)),
    ...(consul === null ? [] : await checkCa("publisher.consul", consul.caFile)),
    ...(consul?.tokenFile ? [(await readSecretFile("publisher.consul.tokenFile", consul.tokenFile)).problem] : []),
  ];
}

/**
 * Reads the publisher's section and the files that it names. On a host without a watchdog it stands in the file alone;
 * beside a watchdog's, the rest of the file is that one's concern.
 *
 * @throws ConfigError with all problems
 */
export async function loadPublisherConfig(file: string): Promise<PublisherConfig> {
  const config = await parsePublisherConfig(file);
  const problems = [...publisherProblems(config), ...(await publisherFileProblems(config))].filter(
    (problem) => problem !== null,
  );
  if (problems.length > 0) throw new ConfigError(file, problems);
  return config;
}

/**
 * Reads the publisher's section alone: the files that it names are not looked at.
 *
 * @throws ConfigError
 */
export async function parsePublisherConfig(file: string): Promise<PublisherConfig> {
  const input = await readJson(file);
  const known = Object.keys(watchdogConfigSchema.shape);
  const others = typeof input === "object" && input !== null ? Object.keys(input) : [];
  const unknown = others.filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    const message = `${unknown.map((key) => `"${key}"`).join(", ")}: no such setting; check the spelling or remove it`;
    throw new ConfigError(file, [{ key: "", message }]);
  }
  const parsed = z.object({ publisher: publisherSchema }).safeParse(input);
  if (!parsed.success) throw new ConfigError(file, problemsOf(parsed.error, input));
  return parsed.data.publisher;
}

/**
 * Reads the configuration alone: its shape is checked, the files that it names are not.
 *
 * @throws ConfigError
 */
export async function parseConfigFile(file: string): Promise<WatchdogConfig> {
  const input = await readJson(file);
  const parsed = watchdogConfigSchema.safeParse(input);
  if (!parsed.success) throw new ConfigError(file, problemsOf(parsed.error, input));
  return parsed.data;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const message =
      error instanceof SyntaxError ? `is not JSON: ${error.message}` : `cannot be read: ${reasonOf(error)}`;
    throw new ConfigError(file, [{ key: "", message: `the file ${message}` }]);
  }
}
