import { readByName } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";

/** What only `_resolve/index` tells of an index. */
export interface IndexPlace {
  readonly name: string;
  readonly open: boolean;
  /** The data stream that it backs. */
  readonly dataStream: string | null;
}

/**
 * The indices of these patterns, by name, those of matching data streams included. Of a stream Elasticsearch tells there only
 * the names of its indices, so they are asked for by their own names: mostly by one more pattern each.
 */
export async function readPlaces(
  nodes: RegionNodes,
  patterns: readonly string[],
): Promise<ReadonlyMap<string, IndexPlace>> {
  const found = await resolve(nodes, [...patterns, ...patterns.map((pattern) => `.ds-${pattern}`)]);
  const places = new Map(found.places.map((place) => [place.name, place]));
  const unseen = found.backing.filter((name) => !places.has(name));
  const others = await readByName(unseen, async (names) => (await resolve(nodes, names)).places);
  for (const place of others) places.set(place.name, place);
  return places;
}

interface Resolved {
  readonly places: readonly IndexPlace[];
  /** Names of all backing indices of the data streams that are matched. */
  readonly backing: readonly string[];
}

async function resolve(nodes: RegionNodes, name: string[]): Promise<Resolved> {
  const { indices, data_streams } = await nodes.read("read which indices are open", (client, options) =>
    client.indices.resolveIndex(
      { name, expand_wildcards: "all", ignore_unavailable: true, allow_no_indices: true },
      options,
    ),
  );
  return {
    places: indices.map((index) => ({
      name: index.name,
      open: index.attributes.includes("open"),
      dataStream: index.data_stream ?? null,
    })),
    backing: data_streams.flatMap(({ backing_indices }) => backing_indices),
  };
}
