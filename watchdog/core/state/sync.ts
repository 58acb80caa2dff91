import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { AutoFollowPattern, FirstCopy, Follower, IndexState } from "./cluster.ts";
import { observeWrites, type WriteProgress } from "./failing-writes.ts";
import { type Exposure, exposureOf } from "./protection.ts";
import type { StateRecord } from "./record.ts";
import type { LeaderSnapshot } from "./record-fields.ts";

/** An index of the active region that the standby could not replace now, and why. */
export interface UnprotectedIndex {
  readonly index: string;
  readonly state: Exposure["state"];
  readonly reason: string;
  /** null unless its first copy runs or failed. */
  readonly copy: FirstCopy | null;
  /** When this watchdog first saw it unprotected. */
  readonly sinceMs: number;
  /** False for a new index that never was protected: it does not suspend the protection of the others. */
  readonly established: boolean;
}

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

export type ReplicationLimits = Pick<WatchdogConfig["replication"], "maxLagOperations" | "maxReadAgeMs" | "intervalMs">;

/** What is compared: the active region's indices as they are now, and the standby. */
export interface Comparison {
  readonly leader: {
    readonly region: RegionName;
    readonly indices: readonly IndexState[];
    readonly shards: LeaderSnapshot["shards"];
    readonly healthy: boolean;
  };
  readonly standby: {
    readonly indices: readonly IndexState[];
    readonly followers: readonly Follower[];
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
  /** When each unprotected leader index, by UUID, was first seen so. */
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

/** Operations that followers lack, as far as they know their leaders. A paused follower reports none. */
export function lagOperations(followers: readonly Follower[]): number {
  return followers
    .flatMap(({ shards }) => shards)
    .reduce((sum, shard) => sum + Math.max(0, shard.leaderCheckpointLastKnown - shard.followerCheckpoint), 0);
}

/** A closed leader index cannot be followed, so it is not compared. */
export function judgeSync(
  comparison: Comparison,
  memory: SyncMemory,
): { readonly judgement: SyncJudgement; readonly memory: SyncMemory } {
  const { leader, standby, limits, atMs } = comparison;
  const followers = standby.followers.filter(({ remoteCluster }) => remoteCluster === leader.region);
  const byLeaderIndex = new Map(followers.map((follower) => [follower.leaderIndex, follower]));
  const indices = new Map(standby.indices.map((index) => [index.name, index]));
  const shards = Map.groupBy(leader.shards, ({ index }) => index);
  const writes = observeWrites(memory.writes, followers);
  const required = leader.indices.filter(({ open }) => open);
  const exposures = required.map((index) => {
    const follower = byLeaderIndex.get(index.name);
    const exposure = exposureOf({
      leader: index,
      index: indices.get(follower?.index ?? index.name),
      follower,
      leaderShards: shards.get(index.name) ?? [],
      writes,
      maxReadAgeMs: limits.maxReadAgeMs,
    });
    return { index, exposure, sinceMs: memory.unprotectedSinceMs.get(index.uuid) ?? atMs };
  });
  const unprotected = exposures.flatMap(({ index, exposure, sinceMs }): UnprotectedIndex[] => {
    if (exposure === null) return [];
    const { hadAll, ...shown } = exposure;
    const established = hadAll || !isNew(index, comparison) || memory.protectedBefore.has(index.uuid);
    return [{ index: index.name, ...shown, sinceMs, established }];
  });
  const reasons = unprotected.filter(({ established }) => established).map(({ reason }) => reason);
  const relevant = required.flatMap(({ name }) => byLeaderIndex.get(name) ?? []);
  const lag = lagOperations(relevant);
  if (lag > limits.maxLagOperations)
    reasons.push(`${lag} operations behind (at most ${limits.maxLagOperations} allowed)`);
  const autoFollowPausedSinceMs = pausedSince(comparison, memory);
  reasons.push(...autoFollowReasons(comparison, autoFollowPausedSinceMs));
  const readAgeMs = Math.max(0, ...relevant.flatMap((each) => each.shards.map((shard) => shard.millisSinceLastRead)));
  return {
    judgement: {
      inSync: reasons.length === 0,
      reasons: abridged(reasons),
      unprotected,
      lagOperations: lag,
      readAgeMs,
    },
    memory: {
      protectedBefore: new Set(
        exposures.flatMap(({ index: { uuid }, exposure }) =>
          exposure === null || memory.protectedBefore.has(uuid) ? [uuid] : [],
        ),
      ),
      unprotectedSinceMs: new Map(
        exposures.flatMap(({ index: { uuid }, exposure, sinceMs }) => (exposure === null ? [] : [[uuid, sinceMs]])),
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
