import { z } from "zod";
import { parseSchema } from "../../watchdog/config/violations.ts";
import { decode } from "../config/decode.ts";
import { configurationError, keyName } from "../config/messages.ts";
import { fileOfKey } from "../config/project-files.ts";
import { configNamespace, stackSchema } from "../config/schema.ts";
import { type PreviewSetting, runPulumi } from "../preview/pulumi-preview.ts";
import type { AccessConfig } from "./access.ts";

const { sshUser, hostKeys, bastion } = stackSchema.shape;
const accessSchema = z.object({ sshUser, hostKeys, bastion });
const configValues = z.record(z.string(), z.object({ value: z.string().optional() }));

/**
 * How a stack's hosts are reached, as it is configured now; null where the stack, or its configuration, is not there. The rest of the
 * configuration may be wrong: a stack that is given up has to be reached, too.
 *
 * @throws ConfigError where these keys are wrong, so that no host is trusted because of a typing error
 */
export async function configuredAccess(
  setting: Pick<PreviewSetting, "directory" | "environment">,
  stack: string,
): Promise<AccessConfig | null> {
  const { status, stdout } = await runPulumi(setting, ["config", "--json", "--stack", stack]);
  if (status !== 0) return null;
  const values = configValues.parse(JSON.parse(stdout));
  const texts = Object.keys(accessSchema.shape).flatMap((key) => {
    const value = values[`${configNamespace}:${key}`]?.value;
    return value === undefined ? [] : [[key, value] as const];
  });
  const parsed = parseSchema(accessSchema, decode(Object.fromEntries(texts)), {
    fileOf: (key) => fileOfKey(setting.directory, stack, key),
    nameOf: keyName,
  });
  if (parsed.violations !== null) throw configurationError(parsed.violations);
  return parsed.config;
}
