import { ConfigError, type ConfigViolation } from "../../watchdog/config/violations.ts";
import { configNamespace, type InitKey, initKeys } from "./schema.ts";

/** A key as `pulumi config` shows it: `es-failover:network.cidr`. */
export function keyName(key: string): string {
  return `${configNamespace}:${key}`;
}

/** All violations, with keys as a user writes them. */
export function configurationError(violations: readonly ConfigViolation[]): ConfigError {
  return new ConfigError(
    "The stack's configuration",
    violations.map(({ key, message }) => ({ key: key === "" ? "" : keyName(key), message: `${message}.` })),
    "Values of all sites are in Pulumi.yaml under `config`, those of one site in Pulumi.<stack>.yaml.",
  );
}

/** Before `npm run init` all keys that it creates are missing: one sentence for all of them, after the rest. */
export function summarizeMissing(
  violations: readonly ConfigViolation[],
  values: Readonly<Record<string, unknown>>,
): readonly ConfigViolation[] {
  const missing = initKeys.filter((key) => values[key] === undefined);
  if (missing.length === 0) return violations;
  const names: readonly string[] = missing;
  return [...violations.filter(({ key }) => !names.includes(key)), { key: "", message: missingFromInit(missing) }];
}

function missingFromInit(missing: readonly InitKey[]): string {
  const verb = missing.length === 1 ? "is" : "are";
  return (
    `${missing.map((key) => keyName(key)).join(", ")} ${verb} missing: run \`npm run init\`, which creates what must ` +
    "exist before the first `pulumi up`"
  );
}
