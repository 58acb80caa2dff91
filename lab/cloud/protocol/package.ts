import type { PackageSchema } from "../schema/schema.ts";
import type { PropertyMap } from "./values.ts";

/** A property that is not acceptable, with the reason. */
export interface Violation {
  readonly property: string;
  readonly reason: string;
}

/** Context of an operation. */
export interface Call {
  readonly urn: string;
  /** The resource's name in the program (the last part of its URN). */
  readonly name: string;
  /** Aborted when the engine is interrupted (Ctrl-C). */
  readonly signal: AbortSignal;
  /** Shows a line to the engine's user at the resource. Must not contain a secret. */
  log(severity: "debug" | "info" | "warning", message: string): void;
}

/** Inputs and outputs in the engine's state, with secrets revealed. */
export interface Recorded {
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

/** What a type reads; its id where an import asked by a longer one. */
export type Found = Recorded & { readonly id?: string };

export interface Change {
  /** Top-level inputs that differ. */
  readonly changed: readonly string[];
  /** Those of them that require a new resource. */
  readonly replaces: readonly string[];
  /** Delete the old resource before creating the new one, as both would have the same name. */
  readonly deleteBeforeReplace: boolean;
}

/**
 * A resource type. It gets values without secret wrappers; `secretOutputs` declares which outputs are secret. Only `fill`, `violations` and `change` get unknown values.
 */
export interface ResourceType {
  /** Outputs that are always secret. */
  readonly secretOutputs?: readonly string[];
  /** Outputs that an update never changes; all others are unknown in the preview of an update. */
  readonly stableOutputs?: readonly string[];
  /** Adds defaults to the program's inputs. `seed` is the same in preview and update. */
  fill?(inputs: PropertyMap, old: PropertyMap | undefined, name: string, seed: Buffer): PropertyMap;
  /** Rules for the inputs beyond the schema's names and types. */
  violations?(inputs: PropertyMap): readonly Violation[];
  /** Amends a change, which the schema has determined. */
  change?(change: Change, old: Recorded, inputs: PropertyMap): Change;
  create(inputs: PropertyMap, call: Call): Promise<{ readonly id: string; readonly outputs: PropertyMap }>;
  /** The actual state; undefined when the resource is gone. A type without it has its recorded state. */
  read?(id: string, recorded: Recorded, call: Call): Promise<Found | undefined>;
  /** Returns the outputs. A type without it is replaced on any change. */
  update?(id: string, old: Recorded, inputs: PropertyMap, call: Call): Promise<PropertyMap>;
  /** A resource that is gone is no error. */
  delete?(id: string, recorded: Recorded, call: Call): Promise<void>;
}

export type FunctionType = (args: PropertyMap, call: Pick<Call, "signal">) => Promise<PropertyMap>;

/** The part of a Pulumi package that a provider serves. */
export interface ProviderPackage {
  readonly schema: PackageSchema;
  readonly resources: Readonly<Record<string, ResourceType>>;
  readonly functions: Readonly<Record<string, FunctionType>>;
  /** Gets the provider's configuration. */
  configure?(configuration: PropertyMap): void;
}
