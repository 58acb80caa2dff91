import type { ShardCheckpoint } from "./cluster.ts";
import type { LeaderCheckpoints } from "./plan.ts";
import type { LeaderSnapshot, LossEstimate } from "./record-fields.ts";

/** Writes in the unseen time are assumed at up to this multiple of the highest rate seen: rates are seen as averages. */
export const RATE_HEADROOM = 2;

export interface LossEvidence {
  /** The last look at the old region; null when this watchdog never saw it. */
  readonly leader: LeaderSnapshot | null;
  /** The leader's checkpoints as the followers last knew them. */
  readonly leaderCheckpoints: LeaderCheckpoints;
  /** Where each follower shard stood once it was paused. */
  readonly checkpoints: readonly ShardCheckpoint[];
  /** From when on no router could reach the old region. */
  readonly closedAtMs: number;
}

/**
 * What a failover may have cost, as a range. At least: operations that the old region was seen to hold and the follower
 * lacks. At most: those, and what could have been written unseen until the routers had closed. Nothing narrower can be
 * known while the old region is gone.
 */
export function estimateLoss({
  leader: sight,
  leaderCheckpoints,
  checkpoints,
  closedAtMs,
}: LossEvidence): LossEstimate {
  const unseenMs = sight === null ? null : Math.max(0, closedAtMs - sight.atMs);
  const unseenOperations = operationsUnseen(sight, unseenMs);
  const known = highestKnown(sight, leaderCheckpoints);
  const shards = checkpoints.map(({ index, shard, globalCheckpoint }) => {
    const atLeast = Math.max(0, (known.get(shardKey(index, shard)) ?? -1) - globalCheckpoint);
    return { index, shard, atLeast, atMost: unseenOperations === null ? null : atLeast + unseenOperations };
  });
  const atLeast = shards.reduce((sum, shard) => sum + shard.atLeast, 0);
  const atMost = unseenOperations === null ? null : atLeast + unseenOperations;
  return { atLeast, atMost, shards, unseenMs, explanation: explain(atLeast, atMost, unseenMs, sight) };
}

/** Managed indices seen on the old region that the new one lacks. */
export function missingIndices(sight: LeaderSnapshot | null, promoted: readonly string[]): readonly string[] {
  const there = new Set(promoted);
  return (sight?.indices ?? []).filter((index) => !there.has(index));
}

function operationsUnseen(sight: LeaderSnapshot | null, unseenMs: number | null): number | null {
  if (sight === null || unseenMs === null || sight.peakOperationsPerSecond === null) return null;
  return Math.ceil((sight.peakOperationsPerSecond * RATE_HEADROOM * unseenMs) / 1000);
}

function highestKnown(sight: LeaderSnapshot | null, leaderCheckpoints: LeaderCheckpoints): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  const raise = (key: string, value: number) => known.set(key, Math.max(value, known.get(key) ?? -1));
  for (const { index, shard, maxSeqNo } of sight?.shards ?? []) raise(shardKey(index, shard), maxSeqNo);
  for (const { index, shard, checkpoint } of leaderCheckpoints) raise(shardKey(index, shard), checkpoint);
  return known;
}

const shardKey = (index: string, shard: number) => `${index}/${shard}`;

function explain(
  atLeast: number,
  atMost: number | null,
  unseenMs: number | null,
  sight: LeaderSnapshot | null,
): string {
  if (atMost === null || unseenMs === null || sight === null) {
    return `at least ${atLeast} operations; no upper bound: the old region was not observed long enough to know its rate`;
  }
  const seconds = (unseenMs / 1000).toFixed(1);
  const rate = (sight.peakOperationsPerSecond ?? 0).toFixed(1);
  return (
    `between ${atLeast} and ${atMost} operations: ${seconds} s lie between the last look at the old region and the ` +
    `closing of the routers, and up to ${rate} operations/s were seen (counted ${RATE_HEADROOM} times over)`
  );
}
