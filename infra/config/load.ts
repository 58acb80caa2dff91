import { parseSchema } from "../../watchdog/config/violations.ts";
import { contradictions } from "./contradictions.ts";
import { decode } from "./decode.ts";
import { configurationError, keyName, summarizeMissing } from "./messages.ts";
import { configNamespace, isSecretKey, type StackConfig, stackConfigSchema, stackSchema } from "./schema.ts";

export interface LoadOptions {
  /** The file in which a key is set, such as Pulumi.gra.yaml. */
  readonly fileOf: (key: string) => string;
}

/**
 * Reads a stack's configuration.
 *
 * @param raw what Pulumi holds for the stack: `<namespace>:<key>` to text. Other namespaces (`ovh:`…) are left alone.
 * @throws ConfigError naming every wrong or missing key at once
 */
export function parseConfig(raw: Readonly<Record<string, string>>, { fileOf }: LoadOptions): StackConfig {
  const prefix = `${configNamespace}:`;
  const own = Object.entries(raw).filter(([key]) => key.startsWith(prefix));
  const values = decode(Object.fromEntries(own.map(([key, text]) => [key.slice(prefix.length), text])));
  const parsed = parseSchema(stackConfigSchema, values, {
    fileOf,
    isSecret: isSecretKey,
    known: stackSchema,
    nameOf: keyName,
  });
  if (parsed.violations !== null) throw configurationError(summarizeMissing(parsed.violations, values));
  const violations = contradictions(parsed.config);
  if (violations.length > 0) throw configurationError(violations);
  return parsed.config;
}
