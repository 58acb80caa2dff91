import type { Declared } from "../infra/declared.ts";

/** What the rules see of a stack: plain values, so that each rule is a pure function. */

/** A value that only the update itself will know. */
export const unknown: unique symbol = Symbol("unknown in a preview");

export type Properties = Readonly<Record<string, unknown>>;

export interface ResourceView {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Inputs where a resource is checked alone; with its outputs where the whole stack is. */
  readonly props: Properties;
  readonly isProtected: boolean;
  /** Names of the resources from whose outputs each property was made. */
  readonly sources: Readonly<Record<string, readonly string[]>>;
}

export interface StackView {
  /** Null in a stack that is not of this program. */
  readonly declared: Declared | null;
  readonly resources: readonly ResourceView[];
}

export interface Finding {
  /** What is wrong, where, and what to do. */
  readonly message: string;
  /** The resource; absent where the stack as a whole violates the rule. */
  readonly urn?: string;
}

interface Described {
  /** Permanent: policy configurations and suppressions name it. */
  readonly id: string;
  /** What holds where the rule is kept, as one sentence. */
  readonly purpose: string;
}

/** Judges each resource before it is created or changed, so that it stops an update without a preview, too. */
export interface ResourceRule extends Described {
  readonly types: readonly string[];
  check(resource: ResourceView): readonly string[];
}

/** Facts of other stacks, from the policy configuration that `npm run preview` writes. */
export interface OtherSites {
  /** By site: the versions that its stack is configured with. */
  readonly versions?: Readonly<Record<string, Declared["versions"]>>;
  /** By site: how its stack is configured to trust the other region's cluster. */
  readonly remoteClusterSecurity?: Readonly<Record<string, Declared["remoteClusterSecurity"]>>;
  /** By site: data hosts that its own pending change would take down. */
  readonly disturbed?: Readonly<Record<string, readonly string[]>>;
}

/** Judges the whole stack, at the end of a preview. */
export interface StackRule extends Described {
  check(stack: StackView, others: OtherSites): readonly Finding[];
}

export const types = {
  instance: "ovh:index/cloudInstance:CloudInstance",
  group: "ovh:index/cloudInstanceGroup:CloudInstanceGroup",
  volume: "ovh:index/cloudStorageBlockVolume:CloudStorageBlockVolume",
  gateway: "ovh:index/cloudGateway:CloudGateway",
  securityGroup: "ovh:index/cloudSecurityGroup:CloudSecurityGroup",
  certificate: "tls:index/locallySignedCert:LocallySignedCert",
  privateKey: "tls:index/privateKey:PrivateKey",
  command: "command:remote:Command",
  localCommand: "command:local:Command",
  region: "es-failover:index:Region",
} as const;

export function ofType(stack: StackView, type: string): readonly ResourceView[] {
  return stack.resources.filter((resource) => resource.type === type);
}

/** The text of a property; undefined where it is absent, unknown or of another type. */
export function textOf({ props }: ResourceView, key: string): string | undefined {
  const value = props[key];
  return typeof value === "string" ? value : undefined;
}

export function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
