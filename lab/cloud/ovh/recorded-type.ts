import { randomUUID } from "node:crypto";
import type { Recorded, ResourceType, Violation } from "../protocol/package.ts";
import type { PropertyMap, PropertyValue } from "../protocol/values.ts";
import type { Cloud, CloudHosts } from "./cloud.ts";
import {
  changedIdentity,
  commonViolations,
  describeRecord,
  fillName,
  goneError,
  type Identity,
  newIdentity,
} from "./common.ts";
import { applyFirewalls } from "./firewall.ts";
import type { CloudState } from "./state.ts";

/** A kind of resource that is a record in the cloud's state, possibly with an effect on the lab. */
export interface RecordedKind<R extends Identity> {
  table(state: CloudState): Record<string, R>;
  /** Makes the record. @throws Error with the rule of the cloud that the inputs violate */
  make(inputs: PropertyMap, state: CloudState, identity: Identity, old: R | undefined): R;
  /** The inputs that make this record. */
  inputs(record: R): PropertyMap;
  /** Outputs beyond the inputs. */
  outputs(record: R, state: CloudState): PropertyMap;
  /** @throws Error when another resource still uses it */
  refuseDeletion?(record: R, state: CloudState): void;
  violations?(inputs: PropertyMap): readonly Violation[];
  created?(record: R, hosts: CloudHosts): Promise<void>;
  updated?(record: R, hosts: CloudHosts): Promise<void>;
  deleted?(record: R, hosts: CloudHosts): Promise<void>;
  /** Identifier of a new resource; default: random. */
  newId?(inputs: PropertyMap): string;
  /** The parts of the identifier with which the documentation imports one, the last of which identifies it. Absent: it has none. */
  readonly importParts?: readonly string[];
  /** Whether a refresh fails when the resource is gone, as the real provider's does for these. */
  readonly mustExist?: boolean;
  /** False: the API has no update route, and any change replaces the resource. */
  readonly updatable: boolean;
}

/** A transaction that also applies the security groups to the hosts' firewalls. */
export function changeCloud<T>(cloud: Cloud, change: (state: CloudState) => Promise<T> | T): Promise<T> {
  return cloud.transaction(async (state) => {
    const before = structuredClone(state);
    const result = await change(state);
    await applyFirewalls(cloud, before, state);
    return result;
  });
}

/** Names of resources that are made although their creation fails, separated by commas: what a lost answer leaves. */
export const orphansVariable = "ES_FAILOVER_LAB_ORPHANS";

function loseAnswer(name: PropertyValue | undefined): void {
  const names = process.env[orphansVariable]?.split(",") ?? [];
  if (typeof name === "string" && names.includes(name))
    throw new Error(`timeout while waiting for ${name} to be READY`);
}

const isImport = ({ inputs }: Recorded): boolean => Object.keys(inputs).length === 0;

/** @throws Error with the form of the identifier that the provider's documentation gives */
function identifierOf(asked: string, parts: readonly string[] | undefined): string {
  if (parts === undefined) throw new Error("the provider's documentation has no import of this type");
  const given = asked.split("/");
  if (given.length !== parts.length) throw new Error(`invalid import ID "${asked}": expected ${parts.join("/")}`);
  return given.at(-1) ?? "";
}

export function recordedType<R extends Identity>(cloud: Cloud, kind: RecordedKind<R>): ResourceType {
  const type: ResourceType = {
    stableOutputs: ["createdAt"],
    fill: fillName,
    violations: (inputs) => [...commonViolations(inputs), ...(kind.violations?.(inputs) ?? [])],
    create: async (inputs) => {
      const id = kind.newId?.(inputs) ?? randomUUID();
      const made = await changeCloud(cloud, async (state) => {
        const record = kind.make(inputs, state, newIdentity(id), undefined);
        if (kind.created !== undefined) await kind.created(record, await cloud.hosts());
        kind.table(state)[id] = record;
        return { id, outputs: { ...inputs, ...kind.outputs(record, state) } };
      });
      loseAnswer(inputs["name"]);
      return made;
    },
    read: async (asked, recorded) => {
      const id = isImport(recorded) ? identifierOf(asked, kind.importParts) : asked;
      const state = await cloud.state();
      const record = kind.table(state)[id];
      if (record === undefined && kind.mustExist === true) throw new Error(`404 Not Found: ${asked}`);
      return record === undefined
        ? undefined
        : { id, ...describeRecord(kind.inputs(record), kind.outputs(record, state), recorded) };
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
      changeCloud(cloud, async (state) => {
        const old = kind.table(state)[id];
        if (old === undefined) throw goneError(id);
        const record = kind.make(inputs, state, changedIdentity(old), old);
        if (kind.updated !== undefined) await kind.updated(record, await cloud.hosts());
        kind.table(state)[id] = record;
        return { ...inputs, ...kind.outputs(record, state) };
      }),
  };
}
