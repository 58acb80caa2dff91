import type { ResourceSchema } from "../schema/schema.ts";
import { schemaViolations } from "../schema/validate.ts";
import type { Call, Change, ProviderPackage, Recorded, ResourceType, Violation } from "./package.ts";
import { holdsSecret, type PropertyMap, reveal, revealMap, Secret, sameValue, unknown } from "./values.ts";

/** A resource type with its published schema. */
export interface Served {
  readonly type: ResourceType;
  readonly schema: ResourceSchema;
}

/** The type of a token. @throws Error with the served types when the lab does not serve it */
export function served(pkg: ProviderPackage, token: string): Served {
  const type = pkg.resources[token];
  const schema = pkg.schema.resources[token];
  if (type === undefined || schema === undefined) {
    throw new Error(
      `The lab's ${pkg.schema.name} provider has no resource type ${token}; it serves ` +
        `${Object.keys(pkg.resources).sort().join(", ")} (lab/cloud/README.md)`,
    );
  }
  return { type, schema };
}

/** Fills in defaults and finds all violations of the inputs. */
export function check(
  pkg: ProviderPackage,
  { type, schema }: Served,
  request: { news: PropertyMap; olds: PropertyMap | undefined; name: string; seed: Buffer },
): { readonly inputs: PropertyMap; readonly violations: readonly Violation[] } {
  const violations = schemaViolations(pkg.schema, schema.inputs, revealMap(request.news));
  if (violations.length > 0) return { inputs: request.news, violations };
  const inputs = type.fill?.(request.news, request.olds, request.name, request.seed) ?? request.news;
  return { inputs, violations: type.violations?.(revealMap(inputs)) ?? [] };
}

/** Differences between recorded and new inputs, and whether they require a new resource. */
export function diff({ type, schema }: Served, old: Recorded, news: PropertyMap): Change {
  const inputs = revealMap(news);
  const names = new Set([...Object.keys(old.inputs), ...Object.keys(inputs)]);
  const changed = [...names].filter((name) => !sameValue(old.inputs[name], inputs[name])).sort();
  const replaces = changed.filter((name) => type.update === undefined || schema.inputs[name]?.recreates === true);
  const change: Change = { changed, replaces, deleteBeforeReplace: false };
  return type.change?.(change, old, inputs) ?? change;
}

/** Outputs in the preview of a creation: the inputs; everything else is unknown. */
export function previewCreate({ schema }: Served, inputs: PropertyMap): PropertyMap {
  return { ...Object.fromEntries(schema.outputs.map((name) => [name, unknown])), ...inputs };
}

/** Outputs in the preview of an update: those that an update may change are unknown. */
export function previewUpdate({ type, schema }: Served, olds: PropertyMap, inputs: PropertyMap): PropertyMap {
  const stable = new Set(type.stableOutputs ?? []);
  const outputs = schema.outputs
    .filter((name) => !(name in schema.inputs))
    .map((name) => [name, stable.has(name) ? (olds[name] ?? null) : unknown] as const);
  return { ...Object.fromEntries(outputs), ...inputs };
}

/**
 * Wraps the secrets among a resource type's outputs again: an output is secret when the input of that name is, or when
 * the package or the type declares it.
 */
export function protect({ type, schema }: Served, inputs: PropertyMap, outputs: PropertyMap): PropertyMap {
  const alwaysSecret = new Set([...schema.secretOutputs, ...(type.secretOutputs ?? [])]);
  const isSecret = (name: string): boolean =>
    alwaysSecret.has(name) || (inputs[name] !== undefined && holdsSecret(inputs[name]));
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => {
      const input = inputs[name];
      // An unchanged input keeps exactly its own secrets.
      if (input !== undefined && sameValue(input, value) && !alwaysSecret.has(name)) return [name, input];
      return [name, isSecret(name) ? new Secret(reveal(value)) : value];
    }),
  );
}

export async function create(
  target: Served,
  inputs: PropertyMap,
  call: Call,
): Promise<{ readonly id: string; readonly outputs: PropertyMap }> {
  const { id, outputs } = await target.type.create(revealMap(inputs), call);
  return { id, outputs: protect(target, inputs, outputs) };
}

export async function update(
  target: Served,
  id: string,
  old: Recorded,
  inputs: PropertyMap,
  call: Call,
): Promise<PropertyMap> {
  if (target.type.update === undefined) throw new Error("this type cannot be updated in place; it is replaced");
  return protect(target, inputs, await target.type.update(id, old, revealMap(inputs), call));
}
