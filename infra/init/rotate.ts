/** `npm run rotate`: replaces a secret that several sites share, in steps between which every site goes on. */
import { parseArgs } from "node:util";
import { type RotatedKey, rotatedKeys } from "../config/schema.ts";
import { createUnit } from "./create-unit.ts";
import { units } from "./plan.ts";
import { type Project, projectOf, projectOptions, projectUsage } from "./project.ts";
import type { PulumiCli } from "./pulumi-cli.ts";
import {
  type ConfigChange,
  planRotation,
  type RotationVerb,
  rotationVerbs,
  type StackValues,
  useNextKey,
} from "./rotation-plan.ts";

const usage = `Usage: npm run rotate -- ${rotationVerbs.join("|")} ${rotatedKeys.join("|")}
         [--stack NAME]... [--project-directory DIRECTORY]

Replaces a secret in three steps, each for all stacks, and each followed by a \`pulumi up\` of every stack:

  begin    makes the new value; every host knows it besides the old one
  switch   users, members and certificates get the new value; the old one is still known
  end      forgets the old value
  cancel   forgets the new value, before \`switch\`

${projectUsage}`;

/** Takes one step. One that was interrupted is finished by the same command. */
export async function rotate(verb: RotationVerb, key: RotatedKey, { stacks, pulumi, say }: Project): Promise<void> {
  await pulumi.requireLogin();
  const values: Record<string, StackValues> = {};
  for (const stack of stacks) values[stack] = await pulumi.config(stack);
  const unit = units.find(([first]) => first === key);
  if (unit === undefined) throw new Error(`nothing creates ${key}`);
  const plan = await planRotation(verb, key, values, async () => Object.fromEntries(await createUnit(unit)));
  for (const [stack, changes] of Object.entries(plan)) {
    for (const change of changes) await apply(pulumi, stack, change);
    say(`${stack}: ${done[verb](key)}`);
  }
  say(`Run \`pulumi up\` for every stack${afterwards[verb](key)}`);
}

const done: Readonly<Record<RotationVerb, (key: RotatedKey) => string>> = {
  begin: (key) => `the new ${key} is stored besides the present one`,
  switch: (key) => `the new ${key} is in use, the old one still known`,
  end: (key) => `the old ${key} is gone`,
  cancel: (key) => `the new ${key} is gone`,
};

const afterwards: Readonly<Record<RotationVerb, (key: RotatedKey) => string>> = {
  begin: (key) => `, then \`npm run rotate -- switch ${key}\`.`,
  switch: (key) => `, then \`npm run rotate -- end ${key}\`.`,
  end: () => ".",
  cancel: () => ".",
};

async function apply(pulumi: PulumiCli, stack: string, change: ConfigChange): Promise<void> {
  switch (change.kind) {
    case "secret":
      return pulumi.setSecret(stack, change.key, change.value);
    case "use-next":
      return change.keys.length > 0
        ? pulumi.set(stack, useNextKey, change.keys.join(","))
        : pulumi.remove(stack, useNextKey);
    case "remove":
      return pulumi.remove(stack, change.key);
    default:
      return change satisfies never;
  }
}

/** The command. Returns its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: projectOptions });
  const verb = rotationVerbs.find((name) => name === positionals[0]);
  const key = rotatedKeys.find((name) => name === positionals[1]);
  if (values.help || verb === undefined || key === undefined || positionals.length > 2) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  await rotate(verb, key, projectOf(values));
  return 0;
}
