import { type FirstCopy, type Follower, followsAnother, type IndexState, ofShard } from "./cluster.ts";
import type { CopyState } from "./complete-copies.ts";
import { failingWrites, type WriteProgress } from "./failing-writes.ts";
import type { LeaderSnapshot } from "./record-fields.ts";

/** Why the standby could not replace an index of the active region now. */
export interface Exposure {
  /**
   * copying, copy-failed: see `FirstCopy`; behind: it follows, but not what its leader has now; unfollowable: CCR cannot
   * follow it, or the patterns do not name it.
   */
  readonly state: "not-followed" | "copying" | "copy-failed" | "behind" | "unfollowable";
  readonly reason: string;
  /** null unless its first copy runs or failed. */
  readonly copy: FirstCopy | null;
  /** Whether the follower may have had all of its leader's operations before. */
  readonly hadAll: boolean;
}

/** What is known about one leader index and its follower. */
export interface Pairing {
  readonly leader: IndexState;
  /** The index of the same name in the standby. */
  readonly index: IndexState | undefined;
  readonly follower: Follower | undefined;
  /** Of this index. */
  readonly leaderShards: LeaderSnapshot["shards"];
  /** Of a copy that does not follow any more, or not now. */
  readonly copy: CopyState | undefined;
  readonly writes: WriteProgress;
  readonly maxReadAgeMs: number;
}

/** null: the index is protected. */
export function exposureOf(pairing: Pairing): Exposure | null {
  const { leader, index, follower } = pairing;
  const exposed = (state: Exposure["state"], reason: string, hadAll: boolean): Exposure => ({
    state,
    reason: `${leader.name} ${reason}`,
    copy: null,
    hadAll,
  });
  if (pairing.copy === "complete") return null;
  if (follower === undefined) {
    return pairing.copy === "behind"
      ? exposed("behind", "is not followed any more, and is not what its leader has now", true)
      : exposed("not-followed", "is not followed", false);
  }
  const copy = index?.firstCopy ?? null;
  if (copy !== null) {
    const reason = copy.error === null ? "is still being copied" : `could not be copied: ${copy.error}`;
    return { ...exposed(copy.state === "failed" ? "copy-failed" : "copying", reason, false), copy };
  }
  if (followsAnother(follower, leader.uuid)) {
    return exposed("behind", "follows an index that is gone: its leader was recreated", false);
  }
  if (index?.writeBlocked && !leader.writeBlocked) {
    return exposed("behind", "refuses writes: it has a block that its leader lacks", true);
  }
  const starting = startingReason(pairing, follower);
  if (starting !== null) return exposed("behind", starting, false);
  const behind = behindReason(pairing, follower);
  return behind === null ? null : exposed("behind", behind, true);
}

/** An index that lags by itself more than is allowed; `lagMax` null: it counts only together with others. */
export function lagExposure({ leader, follower }: Pairing, lagMax: number | null): Exposure | null {
  const lag = follower === undefined ? 0 : lagOperations([follower]);
  if (lagMax === null || lag <= lagMax) return null;
  return { state: "behind", reason: `${leader.name} is ${lag} operations behind`, copy: null, hadAll: true };
}

/** Operations that followers lack, as far as they know their leaders. A paused follower reports none. */
export function lagOperations(followers: readonly Follower[]): number {
  let lag = 0;
  for (const { shards } of followers) {
    for (const { leaderCheckpointLastKnown, followerCheckpoint } of shards) {
      lag += Math.max(0, leaderCheckpointLastKnown - followerCheckpoint);
    }
  }
  return lag;
}

/** Why a follower that has just started does not have all of its leader yet: until its first read it seems to lack nothing. */
function startingReason({ leaderShards }: Pairing, { status, shards }: Follower): string | null {
  if (status === "paused") return "is a follower, but following is paused";
  if (shards.length === 0) return "is a follower but reports no shard yet";
  for (const { shard, reads, followerCheckpoint, leaderCheckpointLastKnown, fatalError, readErrors } of shards) {
    if (fatalError !== null || readErrors.length > 0) return null;
    if (reads === 0 && followerCheckpoint < (ofShard(leaderShards, shard)?.maxSeqNo ?? -1)) {
      return "has not read from its leader yet";
    }
    if (followerCheckpoint < 0 && leaderCheckpointLastKnown >= 0) return "is still being copied";
  }
  return null;
}

function behindReason({ writes, maxReadAgeMs }: Pairing, follower: Follower): string | null {
  const failed = failingWrites(writes, follower);
  if (failed > 0) return `does not advance: ${failed} writes to it failed`;
  for (const { fatalError, readErrors, millisSinceLastRead } of follower.shards) {
    if (fatalError !== null) return `stopped following: ${fatalError}`;
    if (readErrors[0] !== undefined) return `cannot read from its leader: ${readErrors[0]}`;
    if (millisSinceLastRead > maxReadAgeMs) {
      return `last read from its leader ${millisSinceLastRead} ms ago (at most ${maxReadAgeMs} allowed)`;
    }
  }
  return null;
}
