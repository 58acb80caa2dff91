import type { estypes } from "@elastic/elasticsearch";
import type { ShardCheckpoint } from "../../core/state/cluster.ts";
import { type ManagedPatterns, requestTarget } from "../../core/state/patterns.ts";
import { perAnswer } from "../../util/unchanged.ts";
import { inChunks, listNames } from "./names.ts";
import type { RegionNodes } from "./nodes.ts";

/** Above it all managed indices are asked for at once: each request is handled by every node, whatever it names. */
const CHUNKS_MAX = 4;

/** Checkpoints of the primaries, also of closed indices. A shard without an active primary is left out. */
export async function readCheckpoints(
  nodes: RegionNodes,
  managed: ManagedPatterns,
  indices: readonly string[],
): Promise<readonly ShardCheckpoint[]> {
  const amongAll = inChunks(indices).length > CHUNKS_MAX ? await readAmongAll(nodes, managed, indices) : [];
  const known = new Set(amongAll.map(({ index }) => index));
  const rest = inChunks(indices.filter((name) => !known.has(name)));
  if (rest.length === 0) return amongAll;
  const checkpoints = [...amongAll];
  for (const index of rest) checkpoints.push(...(await read(nodes, index, listNames(index))));
  return checkpoints.sort(byIndexAndShard);
}

const byIndexAndShard = (a: ShardCheckpoint, b: ShardCheckpoint): number =>
  a.index === b.index ? a.shard - b.shard : a.index < b.index ? -1 : 1;

async function readAmongAll(
  nodes: RegionNodes,
  managed: ManagedPatterns,
  indices: readonly string[],
): Promise<readonly ShardCheckpoint[]> {
  const wanted = new Set(indices);
  const isWanted = ({ index }: ShardCheckpoint) => wanted.has(index);
  const all = await read(nodes, requestTarget(managed), "all managed indices");
  return all.every(isWanted) ? all : all.filter(isWanted);
}

async function read(nodes: RegionNodes, index: string[], which: string): Promise<readonly ShardCheckpoint[]> {
  const stats = await nodes.read(`read checkpoints of ${which}`, (client, options) =>
    client.indices.stats(
      {
        index,
        metric: "docs",
        level: "shards",
        expand_wildcards: "all",
        forbid_closed_indices: false,
        filter_path: ["routing.primary", "seq_no.max_seq_no", "seq_no.global_checkpoint"].map(
          (field) => `indices.*.shards.*.${field}`,
        ),
      },
      options,
    ),
  );
  return primariesOf(stats);
}

const primariesOf = perAnswer(({ indices = {} }: estypes.IndicesStatsResponse): readonly ShardCheckpoint[] =>
  Object.entries(indices)
    .flatMap(([index, { shards = {} }]) =>
      Object.entries(shards).flatMap(([shard, copies]) => {
        const primary = copies.find(({ routing, seq_no }) => routing?.primary === true && seq_no !== undefined);
        if (primary?.seq_no === undefined) return [];
        const { global_checkpoint: globalCheckpoint, max_seq_no: maxSeqNo } = primary.seq_no;
        return [{ index, shard: Number(shard), globalCheckpoint, maxSeqNo }];
      }),
    )
    .sort(byIndexAndShard),
);
