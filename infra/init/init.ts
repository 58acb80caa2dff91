/** `npm run init`: creates what must exist before the first `pulumi up` and stores it in every stack. */
import { parseArgs } from "node:util";
import { configNamespace, type InitKey, initKeys } from "../config/schema.ts";
import { createUnit, type Values } from "./create-unit.ts";
import { type Existing, planInit, type Unit } from "./plan.ts";
import { type Project, projectOf, projectOptions, projectUsage } from "./project.ts";
import type { PulumiCli } from "./pulumi-cli.ts";

const usage = `Usage: npm run init -- [--stack NAME]... [--project-directory DIRECTORY]

Creates the certificate authority, the passwords and the SSH key that all stacks share, and stores them as secrets of
each stack. It never replaces a value: a new stack receives the values of the others.

${projectUsage}`;

/** Gives all stacks the same secrets. Safe to repeat, also after an interruption. */
export async function initialiseStacks({ stacks, pulumi, say }: Project): Promise<void> {
  await pulumi.requireLogin();
  const known = await pulumi.stacks();
  for (const stack of stacks.filter((name) => !known.includes(name))) {
    await pulumi.createStack(stack);
    say(`${stack}: stack created`);
  }
  const existing: Record<string, Partial<Record<InitKey, string>>> = {};
  for (const stack of stacks) existing[stack] = initValues(await pulumi.config(stack));
  const plan = planInit(existing);
  for (const unit of plan.create) {
    await store(pulumi, stacks, await createUnit(unit), (line) => say(`${line}, newly created`));
  }
  for (const { unit, from, to } of plan.copy) {
    await store(pulumi, to, unitValues(unit, existing, from), (line) => say(`${line}, copied from ${from}`));
  }
  if (plan.create.length + plan.copy.length === 0) say(`Nothing to do: ${stacks.join(", ")} have all secrets.`);
}

function initValues(config: Readonly<Record<string, string>>): Partial<Record<InitKey, string>> {
  return Object.fromEntries(
    initKeys.map((key) => [key, config[`${configNamespace}:${key}`]]).filter(([, value]) => value !== undefined),
  );
}

function unitValues(unit: Unit, existing: Existing, stack: string): Values {
  const keys: readonly InitKey[] = unit;
  return keys.map((key) => [key, existing[stack]?.[key] ?? ""]);
}

/** Stacks in parallel, as each has a file of its own; the keys of a stack one after the other. */
async function store(
  pulumi: PulumiCli,
  stacks: readonly string[],
  values: Values,
  say: (line: string) => void,
): Promise<void> {
  await Promise.all(
    stacks.map(async (stack) => {
      for (const [key, value] of values) await pulumi.setSecret(stack, `${configNamespace}:${key}`, value);
      say(`${stack}: ${values.map(([key]) => key).join(" and ")} stored`);
    }),
  );
}

/** The command. Returns its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: projectOptions });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  await initialiseStacks(projectOf(values));
  return 0;
}
