import type { InitKey } from "../config/schema.ts";

/** What stacks hold already, by stack and key. */
export type Existing = Readonly<Record<string, Partial<Readonly<Record<InitKey, string>>>>>;

/** Values that are made together and are worth nothing apart. */
export const units = [
  ["caCertificate", "caPrivateKey"],
  ["sshPublicKey", "sshPrivateKey"],
  ["watchdogPassword"],
  ["haproxyCheckPassword"],
  ["appPassword"],
  ["etcdRootPassword"],
  ["etcdPassword"],
] as const satisfies readonly (readonly InitKey[])[];
export type Unit = (typeof units)[number];

export interface InitPlan {
  /** Values to make anew. */
  readonly create: readonly Unit[];
  /** Values to copy from the stack that has them. */
  readonly copy: readonly { readonly unit: Unit; readonly from: string; readonly to: readonly string[] }[];
}

/**
 * What has to be made and what has to be copied so that all stacks hold the same. Nothing that exists is replaced.
 *
 * @throws Error when stacks hold different values, or a part of what belongs together is missing everywhere
 */
export function planInit(existing: Existing): InitPlan {
  const create: Unit[] = [];
  const copy: { unit: Unit; from: string; to: string[] }[] = [];
  const problems: string[] = [];
  for (const unit of units) {
    const holders = Object.keys(existing).filter((stack) => unit.some((key) => existing[stack]?.[key] !== undefined));
    const [from] = holders;
    if (from === undefined) {
      create.push(unit);
      continue;
    }
    problems.push(...unitProblems(unit, holders, existing));
    const to = Object.keys(existing).filter((stack) => !holders.includes(stack));
    if (to.length > 0) copy.push({ unit, from, to });
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return { create, copy };
}

function unitProblems(unit: Unit, holders: readonly string[], existing: Existing): string[] {
  const keys: readonly InitKey[] = unit;
  return keys.flatMap((key) => {
    const lacking = holders.filter((stack) => existing[stack]?.[key] === undefined);
    if (lacking.length > 0) {
      const remedy = `put the missing one back, or remove the rest with \`pulumi config rm\` to have all made anew`;
      return [`Stack ${lacking.join(", ")} lacks ${key} but has what belongs with it (${unit.join(", ")}): ${remedy}.`];
    }
    const values = new Set(holders.map((stack) => existing[stack]?.[key]));
    if (values.size > 1) {
      return [`Stacks ${holders.join(" and ")} hold different values of ${key}, which all must share.`];
    }
    return [];
  });
}
