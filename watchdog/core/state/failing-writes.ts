import { type Follower, ofShard, type ShardProgress } from "./cluster.ts";

/**
 * Writes to a follower that fail show in no error, only in a counter that grows, at most once a minute: so the counter is
 * kept from when the follower last advanced. By index.
 */
export type WriteProgress = ReadonlyMap<string, readonly ShardWrites[]>;

interface ShardWrites {
  readonly shard: number;
  readonly checkpoint: number;
  readonly failedWrites: number;
}

export function observeWrites(before: WriteProgress, followers: readonly Follower[]): WriteProgress {
  return new Map(
    followers.map(({ index, shards }) => {
      const known = before.get(index) ?? [];
      return [index, shards.map((progress) => next(ofShard(known, progress.shard), progress))];
    }),
  );
}

function next(known: ShardWrites | undefined, progress: ShardProgress): ShardWrites {
  const { shard, followerCheckpoint: checkpoint, failedWrites } = progress;
  if (known?.checkpoint !== checkpoint) return { shard, checkpoint, failedWrites };
  // A task that began again counts from 0.
  return failedWrites < known.failedWrites ? { ...known, failedWrites: 0 } : known;
}

/** Writes that failed since the follower last advanced, although its leader has more; over all shards. */
export function failingWrites(progress: WriteProgress, { index, shards }: Follower): number {
  const writes = progress.get(index) ?? [];
  return shards.reduce((sum, { shard, failedWrites, followerCheckpoint, leaderCheckpointLastKnown }) => {
    const known = ofShard(writes, shard);
    if (known === undefined || leaderCheckpointLastKnown <= followerCheckpoint) return sum;
    return sum + Math.max(0, failedWrites - known.failedWrites);
  }, 0);
}
