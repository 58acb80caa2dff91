import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { AutoFollowPattern, Follower, IndexState, UnmatchedIndex } from "./cluster.ts";
import type { CopyState } from "./complete-copies.ts";
import { observeWrites, type WriteProgress } from "./failing-writes.ts";
import { unfollowable } from "./followable.ts";
import { exposureOf, lagExposure, lagOperations } from "./protection.ts";
import type { StateRecord } from "./record.ts";
import type { LeaderSnapshot } from "./record-fields.ts";
import { requiredOf } from "./required.ts";
import { shardsByIndex } from "./shards-by-index.ts";
import { type UnprotectedIndex, unfollowableIndices } from "./unprotected.ts";

/** Whether the standby is in sync with the active region, and if not, why. */
export interface SyncJudgement {
  readonly inSync: boolean;
  readonly reasons: readonly string[];
  /** Every index that is not protected, also those that do not count against `inSync`. */
  readonly unprotected: readonly UnprotectedIndex[];
  /** Operations that the followers lack, over all shards, as far as they know their leaders. */
  readonly lagOperations: number;
  /** The longest time since a follower read from its leader. */
  readonly readAgeMs: number;
}

export type ReplicationLimits = Pick<
  WatchdogConfig["replication"],
  "maxLagOperations" | "maxReadAgeMs" | "intervalMs" | "required"
>;

/** What is compared: the active region's indices as they are now, and the standby. */
export interface Comparison {
  readonly leader: {
    readonly region: RegionName;
    readonly indices: readonly IndexState[];
    readonly unmatched: readonly UnmatchedIndex[];
    readonly shards: LeaderSnapshot["shards"];
    readonly healthy: boolean;
  };
  readonly standby: {
    readonly indices: readonly IndexState[];
    readonly followers: readonly Follower[];
    readonly copies: ReadonlyMap<string, CopyState>;
    /** The watchdog's own pattern. */
    readonly autoFollow: AutoFollowPattern | undefined;
  };
  /** Indices that were created later are new: see `newSinceMs`. */
  readonly newSinceMs: number | null;
  readonly atMs: number;
  readonly limits: ReplicationLimits;
}

/** What earlier comparisons add to one. */
export interface SyncMemory {
  /** UUIDs of leader indices that were seen protected. */
  readonly protectedBefore: ReadonlySet<string>;
  /** When each unprotected leader index, by UUID (by name where the patterns do not match it), was first seen so. */
  readonly unprotectedSinceMs: ReadonlyMap<string, number>;
  readonly writes: WriteProgress;
  /** Since when auto-follow is paused although the active region is healthy; null while it is not. */
  readonly autoFollowPausedSinceMs: number | null;
}

export const noSyncMemory: SyncMemory = {
  protectedBefore: new Set(),
  unprotectedSinceMs: new Map(),
  writes: new Map(),
  autoFollowPausedSinceMs: null,
};

/** What cannot be followed is named, and not compared. */
export function judgeSync(
  comparison: Comparison,
  memory: SyncMemory,
): { readonly judgement: SyncJudgement; readonly memory: SyncMemory } {
  const { leader, standby, limits, atMs } = comparison;
  const followers = standby.followers.filter(({ remoteCluster }) => remoteCluster === leader.region);
  const byLeaderIndex = new Map(followers.map((follower) => [follower.leaderIndex, follower]));
  const indices = new Map(standby.indices.map((index) => [index.name, index]));
  const shards = shardsByIndex(leader.shards);
  const writes = observeWrites(memory.writes, followers);
  const sinceMs = (key: string) => memory.unprotectedSinceMs.get(key) ?? atMs;
  const compared = leader.indices.filter((index) => unfollowable(index) === null);
  const required = requiredOf(
    compared.map(({ name }) => name),
    limits.required,
  );
  const exposures = compared.map((index) => {
    const follower = byLeaderIndex.get(index.name);
    const pairing = {
      leader: index,
      index: indices.get(follower?.index ?? index.name),
      follower,
      leaderShards: shards.get(index.name) ?? [],
      copy: standby.copies.get(index.name),
      writes,
      maxReadAgeMs: limits.maxReadAgeMs,
    };
    // What is required has a limit over all of it.
    const lagMax = required.has(index.name) ? null : limits.maxLagOperations;
    const exposure = exposureOf(pairing) ?? lagExposure(pairing, lagMax);
    return { index, exposure };
  });
  const unprotected = exposures.flatMap(({ index, exposure }): UnprotectedIndex[] => {
    if (exposure === null) return [];
    const { hadAll, ...shown } = exposure;
    const established = hadAll || !isNew(index, comparison) || memory.protectedBefore.has(index.uuid);
    const isRequired = required.has(index.name);
    return [{ index: index.name, ...shown, sinceMs: sinceMs(index.uuid), established, required: isRequired }];
  });
  const unfollowed = unfollowableIndices(leader, standby.followers);
  const reasons = unprotected.filter((each) => each.established && each.required).map(({ reason }) => reason);
  const relevant = compared.flatMap(({ name }) => byLeaderIndex.get(name) ?? []);
  const lag = lagOperations(relevant.filter(({ leaderIndex }) => required.has(leaderIndex)));
  if (lag > limits.maxLagOperations)
    reasons.push(`${lag} operations behind (at most ${limits.maxLagOperations} allowed)`);
  const autoFollowPausedSinceMs = pausedSince(comparison, memory);
  reasons.push(...autoFollowReasons(comparison, autoFollowPausedSinceMs));
  const readAgeMs = Math.max(0, ...relevant.flatMap((each) => each.shards.map((shard) => shard.millisSinceLastRead)));
  return {
    judgement: {
      inSync: reasons.length === 0,
      reasons: abridged(reasons),
      unprotected: [...unprotected, ...unfollowed.map(({ key, ...shown }) => ({ ...shown, sinceMs: sinceMs(key) }))],
      lagOperations: lagOperations(relevant),
      readAgeMs,
    },
    memory: {
      protectedBefore: new Set(
        exposures.flatMap(({ index: { uuid }, exposure }) =>
          exposure === null || memory.protectedBefore.has(uuid) ? [uuid] : [],
        ),
      ),
      unprotectedSinceMs: new Map(
        [
          ...exposures.flatMap(({ index: { uuid }, exposure }) => (exposure === null ? [] : [uuid])),
          ...unfollowed.map(({ key }) => key),
        ].map((key) => [key, sinceMs(key)]),
      ),
      writes,
      autoFollowPausedSinceMs,
    },
  };
}

function pausedSince({ leader, standby, atMs }: Comparison, memory: SyncMemory): number | null {
  const isPaused = standby.autoFollow?.active === false && leader.healthy;
  return isPaused ? (memory.autoFollowPausedSinceMs ?? atMs) : null;
}

/** Rounds of the reconciliation that may pass until it has resumed what it paused while the active region was unwell. */
const ROUNDS_UNTIL_RESUMED = 3;

function autoFollowReasons({ standby, atMs, limits }: Comparison, pausedSinceMs: number | null): readonly string[] {
  if (standby.autoFollow === undefined) return ["new indices are not followed: there is no auto-follow pattern"];
  if (pausedSinceMs === null || atMs - pausedSinceMs <= ROUNDS_UNTIL_RESUMED * limits.intervalMs) return [];
  return ["new indices are not followed: the auto-follow pattern is paused"];
}

/** Clocks that differ by less make no index older than the comparison which did not include it. */
const CLOCKS_APART_MS = 60_000;

/**
 * Indices created after this were in no comparison that found all of them protected; null: the standby is not in sync, and
 * no index counts as new. By the record, because a watchdog that has just started remembers no comparison.
 *
 * @param snapshotAgeMs how old the snapshot of the active region may be that the standby is compared with
 */
export function newSinceMs(record: StateRecord | null, snapshotAgeMs: number): number | null {
  if (record?.phase !== "serving" || record.standby !== "in-sync" || record.inSyncSinceMs === null) return null;
  return Math.max(record.inSyncSinceMs, (record.allProtectedAtMs ?? 0) - snapshotAgeMs - CLOCKS_APART_MS);
}

const isNew = ({ createdAtMs }: IndexState, { newSinceMs }: Comparison): boolean =>
  newSinceMs !== null && createdAtMs > newSinceMs;

/** Keeps a list of reasons readable when hundreds of indices share one. */
function abridged(reasons: readonly string[]): readonly string[] {
  const shown = 5;
  return reasons.length <= shown ? reasons : [...reasons.slice(0, shown), `and ${reasons.length - shown} more`];
}
