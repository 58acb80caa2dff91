import { configNamespace, nextKeys, type RotatedKey } from "../config/schema.ts";

/** What a stack has, by key. */
export type StackValues = Readonly<Record<string, string | undefined>>;

/** One change of a stack's configuration. */
export type ConfigChange =
  | { readonly kind: "secret"; readonly key: string; readonly value: string }
  | { readonly kind: "use-next"; readonly keys: readonly string[] }
  | { readonly kind: "remove"; readonly key: string };

/** Changes by stack, in their order: what is interrupted is finished by the same command. */
export type RotationPlan = Readonly<Record<string, readonly ConfigChange[]>>;

export const rotationVerbs = ["begin", "switch", "end", "cancel"] as const;
export type RotationVerb = (typeof rotationVerbs)[number];

const prefix = `${configNamespace}:`;
export const useNextKey: string = `${prefix}useNext`;

/** The keys that a secret is kept under, present and next; those of an authority belong together. */
const pairs: Readonly<Record<RotatedKey, readonly (readonly [present: string, next: string])[]>> = {
  caCertificate: [
    ["caCertificate", nextKeys.caCertificate],
    ["caPrivateKey", "nextCaPrivateKey"],
  ],
  watchdogPassword: [["watchdogPassword", nextKeys.watchdogPassword]],
  haproxyCheckPassword: [["haproxyCheckPassword", nextKeys.haproxyCheckPassword]],
  etcdPassword: [["etcdPassword", nextKeys.etcdPassword]],
};

/**
 * The changes of one step of a rotation.
 *
 * @param created makes a new value by key; called once, and only where no stack has one
 * @throws Error with what to do when the step is not due
 */
export async function planRotation(
  verb: RotationVerb,
  key: RotatedKey,
  stacks: Readonly<Record<string, StackValues>>,
  created: () => Promise<Readonly<Record<string, string>>>,
): Promise<RotationPlan> {
  switch (verb) {
    case "begin":
      return begin(key, stacks, created);
    case "switch":
      return switchOver(key, stacks);
    case "end":
      return end(key, stacks);
    case "cancel":
      return cancel(key, stacks);
    default:
      return verb satisfies never;
  }
}

async function begin(
  key: RotatedKey,
  stacks: Readonly<Record<string, StackValues>>,
  created: () => Promise<Readonly<Record<string, string>>>,
): Promise<RotationPlan> {
  refuseUse(key, stacks, "the rotation is further on: run `switch` or `end`");
  const holder = Object.values(stacks).find((values) => pairs[key].every(([, next]) => values[prefix + next]));
  const fresh = holder === undefined ? await created() : {};
  return planned(stacks, () =>
    pairs[key].map(([present, next]) => ({
      kind: "secret",
      key: prefix + next,
      value: holder?.[prefix + next] ?? fresh[present] ?? "",
    })),
  );
}

function switchOver(key: RotatedKey, stacks: Readonly<Record<string, StackValues>>): RotationPlan {
  const [, next] = pairs[key][0] ?? [];
  const values = new Set(Object.values(stacks).map((each) => each[prefix + next]));
  if (values.size > 1 || values.has(undefined)) {
    throw new Error(`not every stack has the same new ${key}: run \`npm run rotate -- begin ${key}\` first`);
  }
  return planned(stacks, (each) => [{ kind: "use-next", keys: [...new Set([...used(each), key])] }]);
}

/** `useNext` goes last: until then the same command finds what is left to do. */
function end(key: RotatedKey, stacks: Readonly<Record<string, StackValues>>): RotationPlan {
  const open = Object.entries(stacks).filter(([, each]) => used(each).includes(key) || left(key, each).length > 0);
  const early = open.filter(([, each]) => !used(each).includes(key)).map(([stack]) => stack);
  if (open.length === 0 || early.length > 0) {
    const where = early.length > 0 ? ` in ${early.join(", ")}` : "";
    throw new Error(`the new ${key} is not in use${where}: run \`switch\` first, or \`cancel\``);
  }
  return planned(Object.fromEntries(open), (each) => [
    ...left(key, each).map(
      ([present, next]): ConfigChange => ({ kind: "secret", key: prefix + present, value: each[prefix + next] ?? "" }),
    ),
    ...left(key, each).map(([, next]): ConfigChange => ({ kind: "remove", key: prefix + next })),
    { kind: "use-next", keys: used(each).filter((name) => name !== key) },
  ]);
}

function cancel(key: RotatedKey, stacks: Readonly<Record<string, StackValues>>): RotationPlan {
  refuseUse(key, stacks, "it can be ended, and not cancelled any more");
  return planned(stacks, (each) => left(key, each).map(([, next]) => ({ kind: "remove", key: prefix + next })));
}

function refuseUse(key: RotatedKey, stacks: Readonly<Record<string, StackValues>>, why: string): void {
  const using = Object.entries(stacks).filter(([, each]) => used(each).includes(key));
  if (using.length > 0) throw new Error(`${using.map(([stack]) => stack).join(", ")} uses the new ${key}: ${why}`);
}

const planned = (
  stacks: Readonly<Record<string, StackValues>>,
  changes: (each: StackValues) => readonly ConfigChange[],
): RotationPlan => Object.fromEntries(Object.entries(stacks).map(([stack, each]) => [stack, changes(each)]));

/** The keys of which a stack has a new value. */
const left = (key: RotatedKey, each: StackValues) => pairs[key].filter(([, next]) => each[prefix + next] !== undefined);

const used = (each: StackValues): readonly string[] =>
  (each[useNextKey] ?? "").split(",").filter((name) => name !== "");
