import { type PolicyResource, type ResourceValidationArgs, Secret, type StackValidationArgs } from "@pulumi/policy";
import { declaredSchema } from "../infra/declared.ts";
import { type Properties, type ResourceView, type StackView, types, unknown } from "./model.ts";

/** The rules' view of what Pulumi passes to a policy. */

/**
 * A copy without Pulumi's proxies, which throw at each access to an unknown value: it becomes `unknown`. Without this, one
 * unknown property would keep a rule from judging all the others.
 */
function plain(container: object, key: string | number): unknown {
  let value: unknown;
  try {
    value = Reflect.get(container, key);
  } catch {
    return unknown;
  }
  if (typeof value !== "object" || value === null) return value;
  const held = value;
  if (Array.isArray(held)) return Array.from({ length: held.length }, (_, index) => plain(held, index));
  return plainProperties(held);
}

function plainProperties(value: object): Properties {
  return Object.fromEntries(Object.keys(value).map((key) => [key, plain(value, key)]));
}

export function resourceView({ type, name, urn, props, opts }: ResourceValidationArgs): ResourceView {
  return { type, name, urn, props: plainProperties(props), isProtected: opts.protect, sources: {} };
}

export function stackView({ resources }: Pick<StackValidationArgs, "resources">): StackView {
  const views = resources.map(stackResourceView);
  const region = views.find(({ type }) => type === types.region);
  const declared = declaredSchema.safeParse(region?.props["declared"]);
  return { declared: declared.success ? declared.data : null, resources: views };
}

function stackResourceView({ type, name, urn, props, opts, propertyDependencies }: PolicyResource): ResourceView {
  const sources = Object.fromEntries(
    Object.entries(propertyDependencies).map(([key, among]) => [key, among.map((source) => source.name)]),
  );
  return { type, name, urn, props: plainProperties(props), isProtected: opts.protect, sources };
}

/** A value of a resource's inputs, with the path that leads to it. */
export interface Leaf {
  readonly path: string;
  readonly text: string;
  readonly isSecret: boolean;
}

/**
 * All texts among a resource's inputs. Only what Pulumi passes for a remediation still tells which of them are secret, and
 * only to who reads the values past its proxies.
 */
export function leavesOf(props: Properties): readonly Leaf[] {
  return Object.entries(Object.getOwnPropertyDescriptors(props)).flatMap(([key, { value }]) =>
    leavesBelow(value, key, false),
  );
}

function leavesBelow(value: unknown, path: string, isSecret: boolean): readonly Leaf[] {
  if (value instanceof Secret) return leavesBelow(value.value, path, true);
  if (typeof value === "string") return [{ path, text: value, isSecret }];
  if (Array.isArray(value)) return value.flatMap((item, index) => leavesBelow(item, `${path}[${index}]`, isSecret));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => leavesBelow(item, `${path}.${key}`, isSecret));
}
