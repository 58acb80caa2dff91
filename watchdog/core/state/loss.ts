import { listed } from "../../util/text.ts";
import type { Follower, ShardCheckpoint } from "./cluster.ts";
import type { LeaderCheckpoints } from "./plan.ts";
import { type IndexUuid, type LeaderSnapshot, type LeftOut, type LossEstimate, withReason } from "./record-fields.ts";

/** Unobserved writes are assumed at up to this multiple of the highest rate seen, as rates are averages. */
export const RATE_HEADROOM = 2;

export interface LossEvidence {
  /** The last snapshot of the old region; null when this watchdog has none. */
  readonly leader: LeaderSnapshot | null;
  /** The leader's checkpoints as the followers last knew them. */
  readonly leaderCheckpoints: LeaderCheckpoints;
  /** The checkpoint of each follower shard once it was paused. */
  readonly checkpoints: readonly ShardCheckpoint[];
  /** Which index of the old region each follower followed, where it is known. */
  readonly leaders: readonly IndexUuid[];
  /** The time since which no router can reach the old region. */
  readonly closedAtMs: number;
}

/**
 * The loss of a failover as a range. At least: operations that the old region was seen to have and the follower lacks.
 * At most: those, and what may have been written after the last snapshot until the routers had closed. Nothing narrower
 * can be known while the old region is gone.
 */
export function estimateLoss(evidence: LossEvidence): LossEstimate {
  const { leader, checkpoints, closedAtMs } = evidence;
  const replaced = replacedLeaders(evidence);
  const leaderCheckpoints = evidence.leaderCheckpoints.filter(({ index }) => !replaced.has(index));
  const unseenMs = leader === null ? null : Math.max(0, closedAtMs - leader.atMs);
  const unseenOperations = operationsUnseen(leader, unseenMs);
  const known = highestKnown(leader, leaderCheckpoints);
  const shards = checkpoints.map(({ index, shard, globalCheckpoint }) => {
    const reached = replaced.has(index) ? -1 : globalCheckpoint;
    const atLeast = Math.max(0, (known.get(shardKey(index, shard)) ?? -1) - reached);
    return { index, shard, atLeast, atMost: unseenOperations === null ? null : atLeast + unseenOperations };
  });
  const atLeast = shards.reduce((sum, shard) => sum + shard.atLeast, 0);
  const atMost = unseenOperations === null ? null : atLeast + unseenOperations;
  return {
    atLeast,
    atMost,
    shards,
    unseenMs,
    explanation: explain(atLeast, atMost, unseenMs, leader) + lacking(shards),
  };
}

/** Which index each follower follows, where it is known. */
export const leadersOf = (followers: readonly Follower[]): readonly IndexUuid[] =>
  followers.flatMap(({ index, leaderUuid }) => (leaderUuid === null ? [] : [{ index, uuid: leaderUuid }]));

/** Indices of the old region that were created again: their followers have nothing of what they hold now. */
function replacedLeaders({ leader, leaders }: LossEvidence): ReadonlySet<string> {
  const followed = new Map(leaders.map(({ index, uuid }) => [index, uuid]));
  const replaced = (leader?.uuids ?? []).filter(({ index, uuid }) => (followed.get(index) ?? uuid) !== uuid);
  return new Set(replaced.map(({ index }) => index));
}

/**
 * Managed indices that the old region was seen to have, or that were left out, and that the new one lacks; and those that
 * served a managed alias there.
 */
export function missingIndices(
  leader: LeaderSnapshot | null,
  promoted: readonly string[],
  leftOut: readonly LeftOut[],
): readonly LeftOut[] {
  const there = new Set(promoted);
  const named = new Set(leftOut.map(({ index }) => index));
  const unfollowed = (leader?.indices ?? []).filter((index) => !there.has(index) && !named.has(index));
  const reasons = new Map((leader?.unfollowable ?? []).map(({ index, reason }) => [leader?.indices[index], reason]));
  return [
    ...leftOut,
    ...unfollowed.map((index) => ({ index, reason: reasons.get(index) ?? "it was not followed" })),
    ...(leader?.unmatched ?? []),
  ];
}

/** A loss with the indices that are missing as a whole: of each, all that the old region was seen to have counts. */
export function withMissing(
  loss: LossEstimate,
  leader: LeaderSnapshot | null,
  missing: readonly LeftOut[],
): LossEstimate {
  if (missing.length === 0) return loss;
  const names = new Set(missing.map(({ index }) => index));
  const shards = (leader?.shards ?? [])
    .filter(({ index, maxSeqNo }) => names.has(index) && maxSeqNo >= 0)
    .map(({ index, shard, maxSeqNo }) => ({ index, shard, atLeast: maxSeqNo + 1, atMost: null }));
  const held = shards.reduce((sum, { atLeast }) => sum + atLeast, 0);
  const reasons = missing.map(withReason);
  return {
    ...loss,
    atLeast: loss.atLeast + held,
    atMost: loss.atMost === null ? null : loss.atMost + held,
    shards: [...loss.shards, ...shards],
    explanation: `${loss.explanation}; besides, missing as a whole, with at least ${held} operations: ${listed(reasons)}`,
  };
}

/**
 * A loss with complete copies that the new region has, and does not serve yet. What they lack counts as that of any other;
 * of one that was left out before its checkpoints were recorded it is not known.
 */
export function withUnserved(
  loss: LossEstimate,
  checkpoints: readonly ShardCheckpoint[],
  unserved: readonly LeftOut[],
): LossEstimate {
  if (unserved.length === 0) return loss;
  const isKnown = unserved.every(({ index }) => checkpoints.some((checkpoint) => checkpoint.index === index));
  const explanation = `${loss.explanation}; besides, not served until they join: ${listed(unserved.map(withReason))}`;
  return { ...loss, atMost: isKnown ? loss.atMost : null, explanation };
}

function operationsUnseen(leader: LeaderSnapshot | null, unseenMs: number | null): number | null {
  if (leader === null || unseenMs === null || leader.peakOperationsPerSecond === null) return null;
  return Math.ceil((leader.peakOperationsPerSecond * RATE_HEADROOM * unseenMs) / 1000);
}

function highestKnown(
  leader: LeaderSnapshot | null,
  leaderCheckpoints: LeaderCheckpoints,
): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  const raise = (key: string, value: number) => known.set(key, Math.max(value, known.get(key) ?? -1));
  for (const { index, shard, maxSeqNo } of leader?.shards ?? []) raise(shardKey(index, shard), maxSeqNo);
  for (const { index, shard, checkpoint } of leaderCheckpoints) raise(shardKey(index, shard), checkpoint);
  return known;
}

/** Names the indices that lack most, so that one which was left behind is not hidden in a sum. */
function lacking(shards: LossEstimate["shards"]): string {
  const byIndex = Map.groupBy(shards, ({ index }) => index);
  const sums = [...byIndex].map(([index, of]) => ({ index, lost: of.reduce((sum, { atLeast }) => sum + atLeast, 0) }));
  const worst = sums.filter(({ lost }) => lost > 0).toSorted((a, b) => b.lost - a.lost);
  return worst.length === 0
    ? ""
    : `; seen there and not here: ${listed(
        worst.map(({ index, lost }) => `${lost} of ${index}`),
        3,
      )}`;
}

const shardKey = (index: string, shard: number) => `${index}/${shard}`;

function explain(
  atLeast: number,
  atMost: number | null,
  unseenMs: number | null,
  leader: LeaderSnapshot | null,
): string {
  if (atMost === null || unseenMs === null || leader === null) {
    return `at least ${atLeast} operations; no upper bound, because two snapshots of the old region are needed for its write rate`;
  }
  const seconds = (unseenMs / 1000).toFixed(1);
  const rate = (leader.peakOperationsPerSecond ?? 0).toFixed(1);
  return (
    `between ${atLeast} and ${atMost} operations: the routers closed ${seconds} s after the last snapshot of the old ` +
    `region, which took up to ${rate} operations/s (counted ${RATE_HEADROOM} times)`
  );
}
