import type { DefinitionKind } from "../../core/state/cluster.ts";
import type { Finding } from "../preflight/findings.ts";

/** What CCR does not replicate, and what both regions should have alike. */
export const driftKinds = [
  "index-template",
  "component-template",
  "ilm-policy",
  "ingest-pipeline",
  "role",
  "role-mapping",
  "user",
  "cluster-setting",
  "plugin",
  "version",
] as const satisfies readonly (DefinitionKind | string)[];
export type DriftKind = (typeof driftKinds)[number];

/** Plain JSON by name, with sorted keys, and without what differs in any two clusters. */
export type Items = Readonly<Record<string, unknown>>;

/** Of one cluster, kind by kind. */
export type Inventory = Readonly<Record<DriftKind, Finding<Items>>>;
