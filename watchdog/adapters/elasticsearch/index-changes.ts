import { ackTimeouts, assertAcknowledged, rejected } from "./acknowledgement.ts";
import { inChunks, listNames, readByName } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";

export async function closeIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `close ${listNames(index)}`;
    const answer = await nodes.change(what, (client, options) =>
      // The shards restart as closed ones, which need not be awaited here.
      client.indices.close({ index, wait_for_active_shards: 0, ...ackTimeouts(nodes) }, options),
    );
    assertAcknowledged(nodes, what, answer);
  }
}

/** Returns once every shard's primary has started, so that the next write finds it. */
export async function openIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `open ${listNames(index)}`;
    const answer = await nodes.change(what, (client, options) =>
      client.indices.open({ index, wait_for_active_shards: 1, ...ackTimeouts(nodes) }, options),
    );
    assertAcknowledged(nodes, what, answer);
    if (!answer.shards_acknowledged) throw rejected(nodes, what, "not every primary started in time");
  }
}

export const resumeIndexing = (nodes: RegionNodes, index: string): Promise<void> =>
  changeSettings(
    nodes,
    [index],
    { "index.lifecycle.indexing_complete": null },
    `remove the mark of ${index} as complete`,
  );

/** @param what names the change in errors */
export async function changeSettings(
  nodes: RegionNodes,
  index: string[],
  settings: Readonly<Record<string, true | null>>,
  what: string,
): Promise<void> {
  const answer = await nodes.change(what, (client, options) =>
    client.indices.putSettings({ index, settings, ...ackTimeouts(nodes) }, options),
  );
  assertAcknowledged(nodes, what, answer);
}

/** UUIDs of those of the indices that exist, open or closed. */
export async function readUuids(nodes: RegionNodes, indices: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return new Map(
    await readByName(indices, async (index) => {
      const answer = await nodes.read(`read the UUIDs of ${listNames(index)}`, (client, options) =>
        client.indices.getSettings(
          { index, name: "index.uuid", flat_settings: true, ignore_unavailable: true, expand_wildcards: "none" },
          options,
        ),
      );
      return Object.entries(answer).map(
        ([name, { settings }]) => [name, String(property(settings, "index.uuid"))] as const,
      );
    }),
  );
}

export async function deleteIndices(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const what = `delete ${listNames(index)}`;
    const answer = await nodes.change(what, (client, options) =>
      client.indices.delete({ index, expand_wildcards: "none", ...ackTimeouts(nodes) }, options),
    );
    assertAcknowledged(nodes, what, answer);
  }
}
