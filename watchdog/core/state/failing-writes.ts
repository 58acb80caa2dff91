import type { Follower } from "./cluster.ts";

/**
 * Writes to a follower that fail show in no error, only in a counter that grows, at most once a minute: so the counter is
 * kept from when the follower last advanced.
 */
export type WriteProgress = ReadonlyMap<string, { readonly checkpoint: number; readonly failedWrites: number }>;

const keyOf = (index: string, shard: number) => `${index}/${shard}`;

export function observeWrites(before: WriteProgress, followers: readonly Follower[]): WriteProgress {
  return new Map(
    followers.flatMap(({ index, shards }) =>
      shards.map(({ shard, followerCheckpoint: checkpoint, failedWrites }) => {
        const key = keyOf(index, shard);
        const known = before.get(key);
        const advanced = known === undefined || known.checkpoint !== checkpoint;
        // A task that began again counts from 0.
        const restarted = !advanced && failedWrites < known.failedWrites;
        const base = advanced ? failedWrites : restarted ? 0 : known.failedWrites;
        return [key, { checkpoint, failedWrites: base }] as const;
      }),
    ),
  );
}

/** Writes that failed since the follower last advanced, although its leader has more; over all shards. */
export function failingWrites(progress: WriteProgress, { index, shards }: Follower): number {
  return shards.reduce((sum, { shard, failedWrites, followerCheckpoint, leaderCheckpointLastKnown }) => {
    const known = progress.get(keyOf(index, shard));
    if (known === undefined || leaderCheckpointLastKnown <= followerCheckpoint) return sum;
    return sum + Math.max(0, failedWrites - known.failedWrites);
  }, 0);
}
