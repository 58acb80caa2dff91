import type { Definition, DefinitionKind } from "../state/cluster.ts";

/** Index templates come after what they refer to. */
const definitionOrder: readonly DefinitionKind[] = [
  "ilm-policy",
  "ingest-pipeline",
  "component-template",
  "index-template",
];

/** Definitions of the leader that the standby lacks or has in another form. What only the standby has is left alone. */
export function differingDefinitions(
  leader: readonly Definition[],
  standby: readonly Definition[],
): readonly Definition[] {
  const present = new Map(standby.map((definition) => [definitionKey(definition), canonical(definition.body)]));
  return leader
    .filter((definition) => present.get(definitionKey(definition)) !== canonical(definition.body))
    .toSorted(
      (a, b) => definitionOrder.indexOf(a.kind) - definitionOrder.indexOf(b.kind) || a.name.localeCompare(b.name),
    );
}

const definitionKey = ({ kind, name }: Definition) => `${kind}/${name}`;

/** JSON with sorted keys, so that equal definitions have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
