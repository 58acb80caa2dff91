import type { PackageSchema } from "../schema/schema.ts";
import type { PropertyMap } from "./values.ts";

/** One property that cannot be accepted as it is, and why. */
export interface Violation {
  readonly property: string;
  readonly reason: string;
}

/** What every operation gets to know about its surroundings. */
export interface Call {
  readonly urn: string;
  /** The resource's name in the program (the last part of its URN). */
  readonly name: string;
  /** Aborted when the engine is told to stop (Ctrl-C). */
  readonly signal: AbortSignal;
  /** Shows a line to the person who runs the engine, beside the resource. Never pass a secret. */
  log(severity: "debug" | "info" | "warning", message: string): void;
}

/** Inputs and outputs as last recorded by the engine, secrets revealed. */
export interface Recorded {
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

export interface Change {
  /** Top-level inputs that differ. */
  readonly changed: readonly string[];
  /** Those of them that make a new resource necessary. */
  readonly replaces: readonly string[];
  /** The old resource must go before the new one can be made (both would claim the same name). */
  readonly deleteBeforeReplace: boolean;
}

/**
 * A resource type. All values it gets are revealed (without secret wrappers); which outputs are secret follows from
 * `secretOutputs` and `derivedOutputs`. Only `fill`, `violations` and `change` ever see unknown values.
 */
export interface ResourceType {
  /** Outputs that are secret whatever the inputs are. */
  readonly secretOutputs?: readonly string[];
  /** Outputs that tell about some inputs: secret when one of those is. */
  readonly derivedOutputs?: Readonly<Record<string, readonly string[]>>;
  /** Outputs that an update never changes; all others are unknown while an update is previewed. */
  readonly stableOutputs?: readonly string[];
  /** Adds defaults to what the program gave. `seed` is the same in preview and update. */
  fill?(inputs: PropertyMap, old: PropertyMap | undefined, name: string, seed: Buffer): PropertyMap;
  /** Rules beyond the schema's names and types, on the inputs alone. */
  violations?(inputs: PropertyMap): readonly Violation[];
  /** Amends what the schema says about a change; `change` already has that. */
  change?(change: Change, old: Recorded, inputs: PropertyMap): Change;
  create(inputs: PropertyMap, call: Call): Promise<{ readonly id: string; readonly outputs: PropertyMap }>;
  /** The state as it really is, or undefined when the resource is gone. Without it the recorded state is believed. */
  read?(id: string, recorded: Recorded, call: Call): Promise<Recorded | undefined>;
  /** Outputs after the change. Types without it are replaced on any change. */
  update?(id: string, old: Recorded, inputs: PropertyMap, call: Call): Promise<PropertyMap>;
  /** Deletes; a resource that is gone already is no error. */
  delete?(id: string, recorded: Recorded, call: Call): Promise<void>;
}

export type FunctionType = (args: PropertyMap, call: Pick<Call, "signal">) => Promise<PropertyMap>;

/** A Pulumi package as this provider serves it: exactly these types, nothing else. */
export interface ProviderPackage {
  readonly schema: PackageSchema;
  readonly resources: Readonly<Record<string, ResourceType>>;
  readonly functions: Readonly<Record<string, FunctionType>>;
  /** Keeps what the provider was configured with. */
  configure?(configuration: PropertyMap): void;
}
