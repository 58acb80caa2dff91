import { contradictions } from "./contradictions.ts";
import { ConfigurationError, explainAll } from "./messages.ts";
import { configNamespace, type StackConfig, stackConfigSchema } from "./schema.ts";

/**
 * Reads a stack's configuration.
 *
 * @param raw what Pulumi holds for the stack: `<namespace>:<key>` to text. Other namespaces (`ovh:`…) are left alone.
 * @throws ConfigurationError naming every wrong or missing key at once.
 */
export function parseConfig(raw: Readonly<Record<string, string>>): StackConfig {
  const prefix = `${configNamespace}:`;
  const own = Object.fromEntries(
    Object.entries(raw)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
  const result = stackConfigSchema.safeParse(own);
  if (!result.success) throw new ConfigurationError(explainAll(result.error.issues, own));
  const problems = contradictions(result.data);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return result.data;
}
