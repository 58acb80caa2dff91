import type { estypes } from "@elastic/elasticsearch";
import { perAnswer } from "../../util/unchanged.ts";
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
  if (found.unseen.length === 0) return found.places;
  const others = await readByName(found.unseen, async (names) => [...(await resolve(nodes, names)).places]);
  return new Map([...found.places, ...others]);
}

interface Resolved {
  readonly places: ReadonlyMap<string, IndexPlace>;
  /** Names of backing indices of matched data streams that are not among them. */
  readonly unseen: readonly string[];
}

async function resolve(nodes: RegionNodes, name: string[]): Promise<Resolved> {
  const answer = await nodes.read("read which indices are open", (client, options) =>
    client.indices.resolveIndex(
      { name, expand_wildcards: "all", ignore_unavailable: true, allow_no_indices: true },
      options,
    ),
  );
  return resolvedOf(answer);
}

const resolvedOf = perAnswer(({ indices, data_streams }: estypes.IndicesResolveIndexResponse): Resolved => {
  const places = new Map(
    indices.map(({ name, attributes, data_stream }) => [
      name,
      { name, open: attributes.includes("open"), dataStream: data_stream ?? null },
    ]),
  );
  const backing = data_streams.flatMap(({ backing_indices }) => backing_indices);
  return { places, unseen: backing.filter((name) => !places.has(name)) };
});
