import type { IndexDefinition } from "../../salvage/definition.ts";
import type { IndexSize } from "../../salvage/ports.ts";
import { ackTimeouts, assertAcknowledged } from "./acknowledgement.ts";
import { inChunks, listNames, readByName } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";

/** Settings, mappings and aliases of the indices; one that does not exist is left out. */
export async function readIndexDefinitions(
  nodes: RegionNodes,
  indices: readonly string[],
): Promise<ReadonlyMap<string, IndexDefinition>> {
  return new Map(
    await readByName(indices, async (index) => {
      const answer = await nodes.read(`read the definitions of ${listNames(index)}`, (client, options) =>
        client.indices.get({ index, expand_wildcards: "none", ignore_unavailable: true }, options),
      );
      return Object.entries(answer).map(([name, { settings, mappings, aliases }]) => {
        const of = Object.entries(aliases ?? {}).map(([alias, options]) => [alias, { ...options }]);
        return [
          name,
          { settings: { ...settings }, mappings: { ...mappings }, aliases: Object.fromEntries(of) },
        ] as const;
      });
    }),
  );
}

/** What the primaries of the open indices take. */
export async function readSizes(
  nodes: RegionNodes,
  indices: readonly string[],
): Promise<ReadonlyMap<string, IndexSize>> {
  const found = new Map<string, IndexSize>();
  for (const index of inChunks(indices)) {
    const answer = await nodes.read(`read the sizes of ${listNames(index)}`, (client, options) =>
      client.indices.stats(
        {
          index,
          metric: ["store", "docs"],
          expand_wildcards: "none",
          filter_path: ["indices.*.primaries.store.size_in_bytes", "indices.*.primaries.docs.count"],
        },
        options,
      ),
    );
    for (const [name, { primaries }] of Object.entries(answer.indices ?? {})) {
      found.set(name, { bytes: primaries?.store?.size_in_bytes ?? 0, documents: primaries?.docs?.count ?? 0 });
    }
  }
  return found;
}

export async function createIndex(nodes: RegionNodes, index: string, definition: IndexDefinition): Promise<void> {
  const what = `create ${index}`;
  // By path instead of the typed call, so that the definition is sent back as the other cluster returned it.
  const answer = await nodes.change(what, (client, options) =>
    client.transport.request<{ acknowledged?: boolean }>(
      {
        method: "PUT",
        path: `/${encodeURIComponent(index)}`,
        querystring: { ...ackTimeouts(nodes), wait_for_active_shards: "1" },
        body: { ...definition },
      },
      options,
    ),
  );
  assertAcknowledged(nodes, what, answer);
}
