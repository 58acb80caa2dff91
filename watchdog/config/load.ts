import { z } from "zod";
import { type PublisherConfig, publisherSchema } from "./applications.ts";
import { crossFieldViolations, publisherViolations } from "./contradictions.ts";
import { checkSecretFile } from "./files.ts";
import { parseJsonFile, readJson } from "./json-file.ts";
import { publisherFileViolations, referencedFileViolations } from "./referenced-files.ts";
import { type WatchdogConfig, watchdogConfigSchema, watchdogFileSchema } from "./schema.ts";
import { ConfigError, parseSchema, unknownKeyViolation } from "./violations.ts";

export const DEFAULT_CONFIG_FILE = "/etc/es-failover/watchdog.json";

export interface LoadedConfig {
  readonly config: WatchdogConfig;
  readonly elasticsearchPassword: string;
  /** Tried where the password is refused; absent or empty: none. */
  readonly otherElasticsearchPasswords?: readonly string[];
}

/**
 * Reads the configuration and every file that it names.
 *
 * @throws ConfigError with all violations: those of the shape first; without any, those of values and files together
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const config = await parseConfigFile(file);
  const password = await checkSecretFile("elasticsearch.passwordFile", config.elasticsearch.passwordFile, 2);
  const violations = [
    ...crossFieldViolations(config),
    ...(password.violation === null ? [] : [password.violation]),
    ...(await referencedFileViolations(config)),
  ];
  if (violations.length > 0 || password.violation !== null) throw new ConfigError(file, violations);
  const [elasticsearchPassword, ...otherElasticsearchPasswords] = password.secrets;
  return { config, elasticsearchPassword, otherElasticsearchPasswords };
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
