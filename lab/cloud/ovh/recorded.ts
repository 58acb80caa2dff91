import { createHash, randomUUID } from "node:crypto";
import { optionalText } from "../protocol/inputs.ts";
import type { Change, Problem, Recorded, ResourceType } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import type { Cloud, CloudHosts, CloudState } from "./cloud.ts";
import { applyFirewalls } from "./firewall.ts";
import { regionProblem } from "./regions.ts";

/** What a new or changed resource gets besides its inputs. */
export interface Identity {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A kind of resource that is a record in the cloud's state, perhaps with an effect on the lab. */
export interface RecordedKind<R extends Identity> {
  table(state: CloudState): Record<string, R>;
  /** Makes the record, or throws an Error that says which rule of the cloud the inputs break. */
  make(inputs: PropertyMap, state: CloudState, identity: Identity, old: R | undefined): R;
  /** The inputs that lead to this record. */
  inputs(record: R): PropertyMap;
  /** Outputs beyond the inputs. */
  outputs(record: R, state: CloudState): PropertyMap;
  /** Throws when something still needs the resource. */
  refuseDeletion?(record: R, state: CloudState): void;
  problems?(inputs: PropertyMap): readonly Problem[];
  created?(record: R, hosts: CloudHosts): Promise<void>;
  deleted?(record: R, hosts: CloudHosts): Promise<void>;
  /** Identifier of a new resource; by default a random one. */
  newId?(inputs: PropertyMap): string;
  /** False for a kind that has no update route and is replaced on any change. */
  readonly updatable: boolean;
}

/** A transaction that also keeps the hosts' firewalls in line with the security groups. */
export function changeCloud<T>(cloud: Cloud, change: (state: CloudState) => Promise<T> | T): Promise<T> {
  return cloud.transaction(async (state) => {
    const before = structuredClone(state);
    const result = await change(state);
    await applyFirewalls(cloud, before, state);
    return result;
  });
}

export function recordedType<R extends Identity>(cloud: Cloud, kind: RecordedKind<R>): ResourceType {
  const type: ResourceType = {
    stableOutputs: ["createdAt"],
    fill: fillName,
    problems: (inputs) => [...commonProblems(inputs), ...(kind.problems?.(inputs) ?? [])],
    change: nameChange,
    create: async (inputs) => {
      const id = kind.newId?.(inputs) ?? randomUUID();
      return changeCloud(cloud, async (state) => {
        const record = kind.make(inputs, state, newIdentity(id), undefined);
        if (kind.created !== undefined) await kind.created(record, await cloud.hosts());
        kind.table(state)[id] = record;
        return { id, outputs: { ...inputs, ...kind.outputs(record, state) } };
      });
    },
    read: async (id, recorded) => {
      const state = await cloud.state();
      const record = kind.table(state)[id];
      return record === undefined
        ? undefined
        : describeRecord(kind.inputs(record), kind.outputs(record, state), recorded);
    },
    delete: async (id) => {
      if (kind.table(await cloud.state())[id] === undefined) return;
      await changeCloud(cloud, async (state) => {
        const record = kind.table(state)[id];
        if (record === undefined) return;
        kind.refuseDeletion?.(record, state);
        if (kind.deleted !== undefined) await kind.deleted(record, await cloud.hosts());
        delete kind.table(state)[id];
      });
    },
  };
  if (!kind.updatable) return type;
  return {
    ...type,
    update: (id, _old, inputs) =>
      changeCloud(cloud, (state) => {
        const old = kind.table(state)[id];
        if (old === undefined) throw goneError(id);
        const record = kind.make(inputs, state, changedIdentity(old), old);
        kind.table(state)[id] = record;
        return { ...inputs, ...kind.outputs(record, state) };
      }),
  };
}

export function newIdentity(id: string): Identity {
  const now = new Date().toISOString();
  return { id, createdAt: now, updatedAt: now };
}

export function changedIdentity({ id, createdAt }: Identity): Identity {
  return { id, createdAt, updatedAt: new Date().toISOString() };
}

export function goneError(id: string): Error {
  return new Error(`${id} no longer exists in the lab's cloud; \`pulumi refresh\` brings the state up to date`);
}

/**
 * The state to report for a record: of its inputs those that the program has set, so that what the cloud filled in by
 * itself is no drift; all of them where nothing is recorded yet (import).
 */
export function describeRecord(inputs: PropertyMap, outputs: PropertyMap, recorded: Recorded): Recorded {
  const names = Object.keys(recorded.inputs).filter((name) => name !== "__defaults");
  const wanted = names.length === 0 ? Object.keys(inputs) : names;
  const seen = Object.fromEntries(wanted.filter((name) => name in inputs).map((name) => [name, inputs[name] ?? null]));
  return { inputs: seen, outputs: { ...inputs, ...outputs } };
}

/** A resource without a name gets its own in the program with a random end, as Pulumi's bridged providers name it. */
export function fillName(inputs: PropertyMap, old: PropertyMap | undefined, name: string, seed: Buffer): PropertyMap {
  if (inputs["name"] !== undefined) return inputs;
  const suffix = createHash("sha256").update(seed).update(name).digest("hex").slice(0, 7);
  return { ...inputs, name: old?.["name"] ?? `${name}-${suffix}` };
}

/** With the same explicit name, old and new resource cannot stand side by side, so the old one goes first. */
export function nameChange(change: Change, old: Recorded, inputs: PropertyMap): Change {
  return { ...change, deleteBeforeReplace: change.replaces.length > 0 && old.inputs["name"] === inputs["name"] };
}

export function commonProblems(inputs: PropertyMap): Problem[] {
  const problems: Problem[] = [];
  const { region, availabilityZone, serviceName } = inputs;
  if (typeof region === "string") {
    const reason = regionProblem(region);
    if (reason !== undefined) problems.push({ property: "region", reason });
  }
  if (availabilityZone !== undefined) {
    const reason = "the lab's regions have one availability zone each, as GRA11 and BHS5 have: leave it out";
    problems.push({ property: "availabilityZone", reason });
  }
  if (serviceName === undefined && process.env["OVH_CLOUD_PROJECT_SERVICE"] === undefined) {
    problems.push({ property: "serviceName", reason: "is required, or OVH_CLOUD_PROJECT_SERVICE in the environment" });
  } else if (serviceName === "") {
    problems.push({ property: "serviceName", reason: "must name the Public Cloud project" });
  }
  return problems;
}

export function serviceNameOf(inputs: PropertyMap): string {
  return optionalText(inputs, "serviceName") ?? process.env["OVH_CLOUD_PROJECT_SERVICE"] ?? "";
}

/** A hash over what was asked for, as the API's `checksum` is one. */
export function checksumOf(inputs: PropertyMap): string {
  return createHash("sha256").update(JSON.stringify(inputs)).digest("hex");
}

/** Fields without those that are undefined: they are absent, not empty. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
