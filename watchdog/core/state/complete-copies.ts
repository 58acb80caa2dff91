import type { Follower, IndexState, ShardCheckpoint } from "./cluster.ts";
import type { LeaderSnapshot } from "./record-fields.ts";

/**
 * Copies that need no following any more. Once an index is marked as complete (`index.lifecycle.indexing_complete`) and all
 * of it is replicated, index lifecycle management of the standby pauses, closes, unfollows and opens it. An unfollowed index
 * has no reference to its leader: it is known by its creation date, which a follower has of its leader, and by its last
 * operations.
 */

/** complete: it has every operation that its leader was seen to have, and no other; unknown: not readable now. */
export type CopyState = "complete" | "behind" | "unknown";

export interface Copies {
  readonly indices: readonly IndexState[];
  readonly followers: readonly Follower[];
  /** Of those of `idleCopies`, as far as they could be read. */
  readonly checkpoints: readonly ShardCheckpoint[];
}

/** Copies of complete leaders on which no task of CCR reports. */
export function idleCopies(
  leader: LeaderSnapshot | null,
  { indices, followers }: Pick<Copies, "indices" | "followers">,
): readonly IndexState[] {
  if (leader === null || leader.indexingComplete.length === 0) return [];
  const createdAt = new Map(
    leader.indexingComplete.map(({ index, createdAtMs }) => [leader.indices[index], createdAtMs]),
  );
  const uuids = new Map(leader.uuids.map(({ index, uuid }) => [index, uuid]));
  const byIndex = new Map(followers.map((follower) => [follower.index, follower]));
  return indices.filter(({ name, createdAtMs, open, following, firstCopy }) => {
    if (createdAt.get(name) !== createdAtMs || firstCopy !== null) return false;
    const follower = following ? byIndex.get(name) : undefined;
    const isOfOtherLeader = (follower?.leaderUuid ?? null) !== null && follower?.leaderUuid !== uuids.get(name);
    return !isOfOtherLeader && (follower === undefined || !open || follower.status === "paused");
  });
}

/** By name. */
export function copyStates(leader: LeaderSnapshot | null, copies: Copies): ReadonlyMap<string, CopyState> {
  const idle = idleCopies(leader, copies);
  if (leader === null || idle.length === 0) return new Map();
  const led = Map.groupBy(leader.shards, ({ index }) => index);
  const own = Map.groupBy(copies.checkpoints, ({ index }) => index);
  return new Map(
    idle.map(({ name, primaries }) => [name, stateOf(primaries, led.get(name) ?? [], own.get(name) ?? [])]),
  );
}

/**
 * Names of complete copies that follow nothing any more. One that the list of followers lacks is among them: it was unfollowed
 * between the reading of its index and of that list.
 */
export function unfollowedCopies(leader: LeaderSnapshot | null, copies: Copies): readonly string[] {
  const states = copyStates(leader, copies);
  const followers = new Set(copies.followers.map(({ index }) => index));
  return copies.indices
    .filter(({ name, following }) => !(following && followers.has(name)) && states.get(name) === "complete")
    .map(({ name }) => name)
    .toSorted();
}

function stateOf(primaries: number, led: LeaderSnapshot["shards"], own: readonly ShardCheckpoint[]): CopyState {
  if (led.length < primaries || own.length < primaries) return "unknown";
  const isComplete = own.every(({ shard, globalCheckpoint, maxSeqNo }) => {
    const last = led.find((each) => each.shard === shard)?.maxSeqNo;
    return globalCheckpoint === last && maxSeqNo === last;
  });
  return isComplete ? "complete" : "behind";
}
