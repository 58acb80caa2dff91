import { z } from "zod";
import { type EtcdAccess, type PublisherConfig, publisherSchema } from "./applications.ts";
import { crossFieldViolations, publisherViolations } from "./contradictions.ts";
import { checkCaFile, checkSecretFile, keyPairViolations } from "./files.ts";
import { parseJsonFile, readJson } from "./json-file.ts";
import { type WatchdogConfig, watchdogConfigSchema, watchdogFileSchema } from "./schema.ts";
import { ConfigError, type ConfigViolation, parseSchema, unknownKeyViolation } from "./violations.ts";

export const DEFAULT_CONFIG_FILE = "/etc/es-failover/watchdog.json";

export interface LoadedConfig {
  readonly config: WatchdogConfig;
  readonly elasticsearchPassword: string;
}

/**
 * Reads the configuration and every file that it names.
 *
 * @throws ConfigError with all violations: of the shape first; where that is right, of the values and files together
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const config = await parseConfigFile(file);
  const { passwordFile, caFile } = config.elasticsearch;
  const password = await checkSecretFile("elasticsearch.passwordFile", passwordFile);
  const violations = [
    ...crossFieldViolations(config),
    password.violation,
    await checkCaFile("elasticsearch.caFile", caFile, Date.now()),
    ...(await storeFileViolations(config)),
    ...(await failsafeFileViolations(config)),
    ...(await endpointFileViolations(config)),
    ...(config.publisher === null ? [] : await publisherFileViolations(config.publisher)),
  ].filter((violation) => violation !== null);
  if (violations.length > 0 || password.violation !== null) throw new ConfigError(file, violations);
  return { config, elasticsearchPassword: password.content };
}

async function storeFileViolations({ store }: WatchdogConfig): Promise<readonly (ConfigViolation | null)[]> {
  if (store.kind !== "etcd") return [];
  return [
    (await checkSecretFile("store.passwordFile", store.passwordFile)).violation,
    await checkCaFile("store.caFile", store.caFile, Date.now()),
    ...(await keyPairViolations("store", store)),
  ];
}

async function failsafeFileViolations({ failsafe }: WatchdogConfig): Promise<readonly (ConfigViolation | null)[]> {
  if (failsafe === null) return [];
  return [
    await checkCaFile("failsafe.caFile", failsafe.caFile, Date.now()),
    ...(await keyPairViolations("failsafe", failsafe)),
  ];
}

async function endpointFileViolations({ endpoint }: WatchdogConfig): Promise<readonly (ConfigViolation | null)[]> {
  if (endpoint === null) return [];
  const { certificateFile, keyFile } = endpoint;
  if (certificateFile === null || keyFile === null) return [];
  return keyPairViolations("endpoint", { certificateFile, keyFile });
}

async function publisherFileViolations(config: PublisherConfig): Promise<readonly (ConfigViolation | null)[]> {
  const { source, etcd, consul } = config;
  const etcdViolations = async (section: string, access: EtcdAccess) => [
    (await checkSecretFile(`${section}.passwordFile`, access.passwordFile)).violation,
    await checkCaFile(`${section}.caFile`, access.caFile, Date.now()),
    ...(await keyPairViolations(section, access)),
  ];
  const checkCa = async (section: string, file: string | null) =>
    file === null ? [] : [await checkCaFile(`${section}.caFile`, file, Date.now())];
  return [
    ...(source.kind === "etcd"
      ? await etcdViolations("publisher.source", source)
      : await checkCa("publisher.source", source.caFile)),
    ...(etcd === null ? [] : await etcdViolations("publisher.etcd", etcd)),
    ...(consul === null ? [] : await checkCa("publisher.consul", consul.caFile)),
    ...(consul?.tokenFile ? [(await checkSecretFile("publisher.consul.tokenFile", consul.tokenFile)).violation] : []),
  ];
}

/**
 * Reads the publisher's section and the files that it names. On a host without a watchdog the file holds that section
 * alone; beside a watchdog's, the rest of the file is not checked.
 *
 * @throws ConfigError with all violations
 */
export async function loadPublisherConfig(file: string): Promise<PublisherConfig> {
  const config = await parsePublisherConfig(file);
  const violations = [...publisherViolations(config), ...(await publisherFileViolations(config))].filter(
    (violation) => violation !== null,
  );
  if (violations.length > 0) throw new ConfigError(file, violations);
  return config;
}

/**
 * Reads the publisher's section alone: the files that it names are not opened.
 *
 * @throws ConfigError
 */
export async function parsePublisherConfig(file: string): Promise<PublisherConfig> {
  const input = await readJson(file);
  const fileOf = () => file;
  const known = Object.keys(watchdogFileSchema.shape);
  const unknown = Object.keys(z.looseObject({}).catch({}).parse(input)).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    throw new ConfigError(
      file,
      unknown.map((key) => unknownKeyViolation([key], { known: watchdogFileSchema, fileOf })),
    );
  }
  const parsed = parseSchema(z.object({ publisher: publisherSchema }), input, { fileOf });
  if (parsed.violations !== null) throw new ConfigError(file, parsed.violations);
  return parsed.config.publisher;
}

/**
 * Reads the configuration alone: its shape is checked, the files that it names are not.
 *
 * @throws ConfigError
 */
export function parseConfigFile(file: string): Promise<WatchdogConfig> {
  return parseJsonFile(file, watchdogConfigSchema);
}
