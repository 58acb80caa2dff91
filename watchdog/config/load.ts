import { z } from "zod";
import type { RegionName } from "./address.ts";
import { type PublisherConfig, publisherSchema } from "./applications.ts";
import { crossFieldViolations, publisherViolations } from "./contradictions.ts";
import { checkCredentials, type Secrets } from "./files.ts";
import { parseJsonFile, readJson } from "./json-file.ts";
import { publisherFileViolations, referencedFileViolations } from "./referenced-files.ts";
import { regionAccesses } from "./region-access.ts";
import { type WatchdogConfig, watchdogConfigSchema, watchdogFileSchema } from "./schema.ts";
import { ConfigError, type ConfigViolation, parseSchema, unknownKeyViolation } from "./violations.ts";

export const DEFAULT_CONFIG_FILE = "/etc/es-failover/watchdog.json";

export interface LoadedConfig {
  readonly config: WatchdogConfig;
  /** By region: the password or the API key, and during a rotation the other one, which is tried where the first is refused. */
  readonly secrets: Readonly<Record<RegionName, Secrets>>;
}

/**
 * Reads the configuration and every file that it names.
 *
 * @throws ConfigError with all violations: those of the shape first; without any, those of values and files together
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const config = await parseConfigFile(file);
  const access = await loadSecrets(config);
  const violations = [
    ...crossFieldViolations(config),
    ...access.violations,
    ...(await referencedFileViolations(config)),
  ];
  if (violations.length > 0) throw new ConfigError(file, violations);
  return { config, secrets: access.secrets };
}

/** What both regions' clusters are reached with; a file that both share is reported once. */
async function loadSecrets(
  config: WatchdogConfig,
): Promise<{ secrets: Record<RegionName, Secrets>; violations: readonly ConfigViolation[] }> {
  const secrets: Record<RegionName, Secrets> = {};
  const violations = new Map<string, ConfigViolation>();
  for (const [region, { credentials }] of regionAccesses(config)) {
    const checked = await checkCredentials(credentials);
    if (checked.violation === null) secrets[region] = checked.secrets;
    else violations.set(checked.violation.key, checked.violation);
  }
  return { secrets, violations: [...violations.values()] };
}

/**
 * Reads the publisher's section and the files that it names. On a host without a watchdog the file holds that section
 * only; beside a watchdog's sections, those are not checked.
 *
 * @throws ConfigError with all violations
 */
export async function loadPublisherConfig(file: string): Promise<PublisherConfig> {
  const config = await parsePublisherConfig(file);
  const violations = [...publisherViolations(config), ...(await publisherFileViolations(config))];
  if (violations.length > 0) throw new ConfigError(file, violations);
  return config;
}

/**
 * Reads the publisher's section without opening the files that it names.
 *
 * @throws ConfigError
 */
export async function parsePublisherConfig(file: string): Promise<PublisherConfig> {
  const input = await readJson(file);
  const fileOf = () => file;
  const known = Object.keys(watchdogFileSchema.shape);
  const unknown = Object.keys(z.looseObject({}).catch({}).parse(input)).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    const options = { known: watchdogFileSchema, fileOf };
    throw new ConfigError(
      file,
      unknown.map((key) => unknownKeyViolation([key], options)),
    );
  }
  const parsed = parseSchema(z.object({ publisher: publisherSchema }), input, { fileOf });
  if (parsed.violations !== null) throw new ConfigError(file, parsed.violations);
  return parsed.config.publisher;
}

/**
 * Reads the configuration and checks its shape, without opening the files that it names.
 *
 * @throws ConfigError
 */
export function parseConfigFile(file: string): Promise<WatchdogConfig> {
  return parseJsonFile(file, watchdogConfigSchema);
}
