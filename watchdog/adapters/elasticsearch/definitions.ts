import { ClusterError } from "../../core/ports/cluster.ts";
import type { Definition, DefinitionKind } from "../../core/state/cluster.ts";
import { assertAcknowledged, masterTimeout } from "./acknowledgement.ts";
import { isMissingModule } from "./errors.ts";
import type { NodeCall, RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";

type Body = Readonly<Record<string, unknown>>;

/** Keys that differ between two clusters although the definitions are the same. */
const VOLATILE_KEYS: ReadonlySet<string> = new Set([
  "created_date",
  "created_date_millis",
  "modified_date",
  "modified_date_millis",
]);

/**
 * Users' definitions of these kinds, with keys sorted and without what the cluster adds, so that equal definitions of two
 * clusters are deeply equal. What Elasticsearch manages itself is left out: each cluster has its own.
 *
 * @param unavailable called with a kind that this cluster has no module for; it contributes no definitions
 */
export async function readDefinitions(
  nodes: RegionNodes,
  kinds: readonly DefinitionKind[],
  unavailable: (kind: DefinitionKind) => void,
): Promise<readonly Definition[]> {
  const all = await Promise.all(
    kinds.map(async (kind) => {
      try {
        return await readKind(nodes, kind);
      } catch (error) {
        // The answer to a list of pipelines when there is none.
        if (error instanceof ClusterError && error.kind === "not-found") return [];
        if (!isMissingModule(error)) throw error;
        unavailable(kind);
        return [];
      }
    }),
  );
  return all
    .flat()
    .filter(({ name, body }) => !isManagedBySystem(name, body))
    .map((definition) => ({ ...definition, body: normaliseObject(definition.body, 0) }));
}

async function readKind(nodes: RegionNodes, kind: DefinitionKind): Promise<readonly Definition[]> {
  const named = (entries: readonly (readonly [string, object])[]): readonly Definition[] =>
    entries.map(([name, body]) => ({ kind, name, body: { ...body } }));
  const read = <T>(call: NodeCall<T>) => nodes.read(`read definitions of kind ${kind}`, call);
  switch (kind) {
    case "index-template": {
      const answer = await read((client, options) => client.indices.getIndexTemplate({}, options));
      return named(answer.index_templates.map(({ name, index_template }) => [name, index_template] as const));
    }
    case "component-template": {
      const answer = await read((client, options) => client.cluster.getComponentTemplate({}, options));
      return named(
        answer.component_templates.map(({ name, component_template }) => [name, component_template] as const),
      );
    }
    case "ilm-policy": {
      const answer = await read((client, options) => client.ilm.getLifecycle({}, options));
      // Besides the policy the answer has a count of changes and a list of uses.
      return named(Object.entries(answer).map(([name, { policy }]) => [name, { policy }] as const));
    }
    case "ingest-pipeline": {
      const answer = await read((client, options) => client.ingest.getPipeline({}, options));
      return named(Object.entries(answer));
    }
    default:
      return kind satisfies never;
  }
}

export async function putDefinition(nodes: RegionNodes, { kind, name, body }: Definition): Promise<void> {
  const what = `put ${kind} ${name}`;
  const path = {
    "index-template": "/_index_template",
    "component-template": "/_component_template",
    "ilm-policy": "/_ilm/policy",
    "ingest-pipeline": "/_ingest/pipeline",
  }[kind];
  // By path instead of the typed calls, so that the body is sent back unchanged, whatever fields this version has.
  const answer = await nodes.change(what, (client, options) =>
    client.transport.request<{ acknowledged?: boolean }>(
      {
        method: "PUT",
        path: `${path}/${encodeURIComponent(name)}`,
        querystring: masterTimeout(nodes),
        body: { ...body },
      },
      options,
    ),
  );
  assertAcknowledged(nodes, what, answer);
}

function isManagedBySystem(name: string, body: Body): boolean {
  const meta = body["_meta"] ?? property(body["policy"], "_meta");
  return name.startsWith(".") || property(meta, "managed") === true;
}

/** Sorts keys at every depth; arrays keep their order, which may carry meaning (composed_of, processors). */
export function normalise(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value.map((item) => normalise(item, depth + 1));
  return typeof value === "object" && value !== null ? normaliseObject(value, depth) : value;
}

function normaliseObject(value: object, depth: number): Body {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => depth > 0 || !VOLATILE_KEYS.has(key))
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, item]) => [key, normalise(item, depth + 1)]),
  );
}
