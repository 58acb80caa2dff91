/** `npm run init`: creates what must exist before the first `pulumi up` and stores it in every stack. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { parseArgs } from "node:util";
import { stacksWithFile } from "../config/project-files.ts";
import { configNamespace, type InitKey, initKeys } from "../config/schema.ts";
import { createCertificateAuthority } from "./certificate-authority.ts";
import { type Existing, planInit, type Unit } from "./plan.ts";
import { type PulumiCli, pulumiCli } from "./pulumi-cli.ts";
import { createSshKeyPair } from "./ssh-key.ts";

const usage = `Usage: npm run init -- [--stack NAME]... [--project-directory DIRECTORY]

Creates the certificate authority, the passwords and the SSH key that all stacks share, and stores them as secrets of
each stack. It never replaces a value: a new stack receives the values of the others.

  --stack              a stack; by default each that has a Pulumi.<stack>.yaml
  --project-directory  directory of Pulumi.yaml; by default this checkout`;

export interface InitOptions {
  readonly stacks: readonly string[];
  readonly pulumi: PulumiCli;
  /** Prints one line of progress. Never a secret. */
  readonly say: (line: string) => void;
}

/** Gives all stacks the same secrets. Safe to repeat, also after an interruption. */
export async function initialiseStacks({ stacks, pulumi, say }: InitOptions): Promise<void> {
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

type Values = readonly (readonly [key: InitKey, value: string])[];

function initValues(config: Readonly<Record<string, string>>): Partial<Record<InitKey, string>> {
  return Object.fromEntries(
    initKeys.map((key) => [key, config[`${configNamespace}:${key}`]]).filter(([, value]) => value !== undefined),
  );
}

function unitValues(unit: Unit, existing: Existing, stack: string): Values {
  const keys: readonly InitKey[] = unit;
  return keys.map((key) => [key, existing[stack]?.[key] ?? ""]);
}

async function createUnit(unit: Unit): Promise<Values> {
  const [kind] = unit;
  switch (kind) {
    case "caCertificate": {
      const { certificatePem, privateKeyPem } = await createCertificateAuthority();
      return [
        ["caCertificate", certificatePem],
        ["caPrivateKey", privateKeyPem],
      ];
    }
    case "sshPublicKey": {
      const { publicKey, privateKey } = createSshKeyPair("es-failover");
      return [
        ["sshPublicKey", publicKey],
        ["sshPrivateKey", privateKey],
      ];
    }
    case "watchdogPassword":
    case "haproxyCheckPassword":
    case "appPassword":
    case "etcdRootPassword":
    case "etcdPassword":
      return [[kind, randomBytes(24).toString("base64url")]];
    default:
      return kind satisfies never;
  }
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

function namedByFiles(directory: string): readonly string[] {
  const names = stacksWithFile(directory);
  if (names.length === 0) throw new Error(`${directory} has no Pulumi.<stack>.yaml: name the stacks with --stack`);
  return names;
}

/** The command. Returns its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      stack: { type: "string", multiple: true },
      "project-directory": { type: "string", default: path.dirname(import.meta.dirname) },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const directory = path.resolve(values["project-directory"]);
  const stacks = values.stack ?? namedByFiles(directory);
  await initialiseStacks({ stacks, pulumi: pulumiCli(directory), say: (line) => console.log(line) });
  return 0;
}
