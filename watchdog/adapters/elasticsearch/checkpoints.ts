import type { ShardCheckpoint } from "../../core/state/cluster.ts";
import { inChunks, listNames } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";

/** Checkpoints of the primaries, also of closed indices. A shard without an active primary is left out. */
export async function readCheckpoints(
  nodes: RegionNodes,
  indices: readonly string[],
): Promise<readonly ShardCheckpoint[]> {
  const checkpoints: ShardCheckpoint[] = [];
  for (const index of inChunks(indices)) checkpoints.push(...(await readChunk(nodes, index)));
  return checkpoints.sort((a, b) => (a.index === b.index ? a.shard - b.shard : a.index < b.index ? -1 : 1));
}

async function readChunk(nodes: RegionNodes, index: string[]): Promise<readonly ShardCheckpoint[]> {
  const stats = await nodes.read(`read checkpoints of ${listNames(index)}`, (client, options) =>
    client.indices.stats(
      {
        index,
        metric: "docs",
        level: "shards",
        forbid_closed_indices: false,
        filter_path: ["indices.*.shards.*.routing", "indices.*.shards.*.seq_no"],
      },
      options,
    ),
  );
  return Object.entries(stats.indices ?? {}).flatMap(([name, { shards }]) =>
    Object.entries(shards ?? {}).flatMap(([shard, copies]) => {
      const primary = copies.find(({ routing, seq_no }) => routing?.primary === true && seq_no !== undefined);
      if (primary?.seq_no === undefined) return [];
      const { global_checkpoint: globalCheckpoint, max_seq_no: maxSeqNo } = primary.seq_no;
      return [{ index: name, shard: Number(shard), globalCheckpoint, maxSeqNo }];
    }),
  );
}
