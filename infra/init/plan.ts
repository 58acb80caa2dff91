import type { InitKey } from "../config/schema.ts";

/** The values that stacks have, by stack and key. */
export type Existing = Readonly<Record<string, Partial<Readonly<Record<InitKey, string>>>>>;

/** Values that are created together and are useless apart. */
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
  /** Values to create. */
  readonly create: readonly Unit[];
  /** Values to copy from the stack that has them. */
  readonly copy: readonly { readonly unit: Unit; readonly from: string; readonly to: readonly string[] }[];
}

/**
 * What to create and what to copy so that all stacks have the same values. No value is replaced.
 *
 * @throws Error when stacks have different values, or lack a part of what belongs together
 */
export function planInit(existing: Existing): InitPlan {
  const create: Unit[] = [];
  const copy: { unit: Unit; from: string; to: string[] }[] = [];
  const conflicts: string[] = [];
  for (const unit of units) {
    const holders = Object.keys(existing).filter((stack) => unit.some((key) => existing[stack]?.[key] !== undefined));
    const [from] = holders;
    if (from === undefined) {
      create.push(unit);
      continue;
    }
    conflicts.push(...unitConflicts(unit, holders, existing));
    const to = Object.keys(existing).filter((stack) => !holders.includes(stack));
    if (to.length > 0) copy.push({ unit, from, to });
  }
  if (conflicts.length > 0) throw new Error(conflicts.join("\n"));
  return { create, copy };
}

function unitConflicts(unit: Unit, holders: readonly string[], existing: Existing): string[] {
  const keys: readonly InitKey[] = unit;
  return keys.flatMap((key) => {
    const lacking = holders.filter((stack) => existing[stack]?.[key] === undefined);
    if (lacking.length > 0) {
      const remedy = "restore it, or remove the rest with `pulumi config rm` so that all are created again";
      return [`Stack ${lacking.join(", ")} lacks ${key} but has what belongs with it (${unit.join(", ")}): ${remedy}.`];
    }
    const values = new Set(holders.map((stack) => existing[stack]?.[key]));
    if (values.size > 1) {
      return [`Stacks ${holders.join(" and ")} have different values of ${key}, which all must share.`];
    }
    return [];
  });
}
