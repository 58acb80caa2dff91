import type { UnmatchedIndex } from "../../core/state/cluster.ts";
import { isManaged, type ManagedPatterns, requestTarget } from "../../core/state/patterns.ts";
import { isSearchableSnapshot } from "./index-states.ts";
import { readByName } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";

/**
 * Indices that are not managed, behind managed aliases: index lifecycle management leaves the alias `app-1` on
 * `shrink-ab12-app-1` or `partial-app-1`. Their settings are asked for by alias, as the role covers no other name of theirs.
 */
export async function readUnmatchedIndices(
  nodes: RegionNodes,
  managed: ManagedPatterns,
): Promise<readonly UnmatchedIndex[]> {
  const target = requestTarget(managed);
  const answer = await nodes.read("read managed aliases", (client, options) =>
    client.indices.getAlias(
      { index: target, name: target, expand_wildcards: "all", ignore_unavailable: true, allow_no_indices: true },
      options,
    ),
  );
  const found = Object.entries(answer).flatMap(([name, { aliases }]) => {
    const ours = Object.keys(aliases).filter((alias) => isManaged(managed, alias));
    return isManaged(managed, name) || ours.length === 0 ? [] : [{ name, aliases: ours.sort() }];
  });
  if (found.length === 0) return [];
  const mounted = new Set(await readMounted(nodes, [...new Set(found.flatMap(({ aliases }) => aliases))]));
  return found
    .map((index) => ({ ...index, searchableSnapshot: mounted.has(index.name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const readMounted = (nodes: RegionNodes, aliases: readonly string[]): Promise<readonly string[]> =>
  readByName(aliases, async (index) => {
    const answer = await nodes.read("read settings behind managed aliases", (client, options) =>
      client.indices.getSettings(
        { index, name: "index.store.type", flat_settings: true, expand_wildcards: "all" },
        options,
      ),
    );
    return Object.entries(answer).flatMap(([name, { settings }]) => (isSearchableSnapshot(settings) ? [name] : []));
  });
