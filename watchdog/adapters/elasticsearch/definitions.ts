import { ClusterError } from "../../core/ports/cluster.ts";
import type { Definition, DefinitionKind } from "../../core/state/cluster.ts";
import { isMissingModule } from "./errors.ts";
import { acknowledged, ackTimeouts } from "./indices.ts";
import type { CallOptions, RegionNodes } from "./nodes.ts";

type Body = Readonly<Record<string, unknown>>;

/** What differs between two clusters although the definitions are the same. */
const VOLATILE_KEYS: ReadonlySet<string> = new Set([
  "created_date",
  "created_date_millis",
  "modified_date",
  "modified_date_millis",
]);

/**
 * Definitions of these kinds that people made, with keys in order and without what the cluster adds, so that equal
 * definitions of two clusters are deeply equal. What Elasticsearch manages itself is left out: each cluster has its
 * own.
 *
 * @param unavailable told of a kind that this cluster has no module for; its definitions are none
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
        // "Not found" is how the list of pipelines reads when there is none.
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
    .map((definition) => ({ ...definition, body: normalise(definition.body) as Body }));
}

async function readKind(nodes: RegionNodes, kind: DefinitionKind): Promise<readonly Definition[]> {
  const named = (entries: readonly (readonly [string, unknown])[]): readonly Definition[] =>
    entries.map(([name, body]) => ({ kind, name, body: body as Body }));
  const read = <T>(
    call: (client: Parameters<Parameters<RegionNodes["read"]>[1]>[0], options: CallOptions) => Promise<T>,
  ) => nodes.read(`read definitions of kind ${kind}`, call);
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
      // `version` counts changes here, `in_use_by` lists users here; the policy alone is the definition.
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
  // By path, not by the typed calls: the body goes back as it came, whatever this version of Elasticsearch knows in it.
  const answer = await nodes.change(what, (client, options) =>
    client.transport.request<{ acknowledged?: boolean }>(
      {
        method: "PUT",
        path: `${path}/${encodeURIComponent(name)}`,
        querystring: { master_timeout: ackTimeouts(nodes).master_timeout },
        body: { ...body },
      },
      options,
    ),
  );
  acknowledged(nodes, what, answer);
}

function isManagedBySystem(name: string, body: Body): boolean {
  const meta = (body["_meta"] ?? (body["policy"] as Body | undefined)?.["_meta"]) as Body | undefined;
  return name.startsWith(".") || meta?.["managed"] === true;
}

/** Keys in order at every depth; arrays keep theirs, which may carry meaning (composed_of, processors). */
export function normalise(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value.map((item) => normalise(item, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => depth > 0 || !VOLATILE_KEYS.has(key))
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, item]) => [key, normalise(item, depth + 1)]),
  );
}
