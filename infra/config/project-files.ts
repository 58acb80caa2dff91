import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { configNamespace } from "./schema.ts";

/**
 * The file of a Pulumi project in which a key of the configuration is set: the stack's, else the project's.
 *
 * @param directory where Pulumi.yaml is
 * @param key a key without the namespace, or one below it: `checks.profile`
 */
export function fileOfKey(directory: string, stack: string, key: string): string {
  const [top = key] = key.split(".");
  const files = [`Pulumi.${stack}.yaml`, "Pulumi.yaml"];
  return files.find((file) => keysIn(path.join(directory, file)).includes(top)) ?? files.join(" or ");
}

/** Names of the stacks that have a Pulumi.<stack>.yaml, in the order of their names. */
export function stacksWithFile(directory: string): readonly string[] {
  return readdirSync(directory)
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .sort();
}

/**
 * The stacks that a command line names; `all` is each that has a Pulumi.<stack>.yaml.
 *
 * @throws Error that names those that there are
 */
export function namedStacks(directory: string, names: readonly string[]): readonly string[] {
  const known = stacksWithFile(directory);
  const stacks = names.includes("all") ? known : names;
  const stranger = stacks.find((stack) => !known.includes(stack));
  if (stranger === undefined && stacks.length > 0) return stacks;
  const what = stranger === undefined ? "No stack is named" : `There is no Pulumi.${stranger}.yaml`;
  throw new Error(`${what}: name one or more of ${known.join(", ")}, or all.`);
}

/** Keys of a YAML file below its top level, without the namespace, which a project file may omit. */
function keysIn(file: string): readonly string[] {
  const keys = readText(file).matchAll(/^\s+["']?(\S+?)["']?\s*:(?:\s|$)/gm);
  return [...keys].map(([, key = ""]) => key.replace(`${configNamespace}:`, ""));
}

/** Empty where there is no such file: `pulumi --config-file` may name another, and a stack may have none. */
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
