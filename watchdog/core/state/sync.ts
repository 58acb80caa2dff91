import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { FirstCopy, Follower, IndexState } from "./cluster.ts";

/** An index of the active region that the standby could not replace now, and why. */
export interface UnprotectedIndex {
  readonly index: string;
  /** copying, copy-failed: see `FirstCopy`; behind: it follows, but not what its leader has now. */
  readonly state: "not-followed" | "copying" | "copy-failed" | "behind";
  readonly reason: string;
  /** null unless its first copy runs or failed. */
  readonly copy: FirstCopy | null;
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

export type ReplicationLimits = Pick<WatchdogConfig["replication"], "maxLagOperations" | "maxReadAgeMs">;

/** Operations that followers lack, as far as they know their leaders. A paused follower reports none. */
export function lagOperations(followers: readonly Follower[]): number {
  return followers
    .flatMap(({ shards }) => shards)
    .reduce((sum, shard) => sum + Math.max(0, shard.leaderCheckpointLastKnown - shard.followerCheckpoint), 0);
}

/** Compares the standby with the active region's indices as they are now. A closed leader index cannot be followed. */
export function judgeSync(
  leaderIndices: readonly IndexState[],
  followers: readonly Follower[],
  leader: RegionName,
  limits: ReplicationLimits,
): SyncJudgement {
  const byLeaderIndex = new Map(
    followers
      .filter(({ remoteCluster }) => remoteCluster === leader)
      .map((follower) => [follower.leaderIndex, follower]),
  );
  const required = leaderIndices.filter(({ open }) => open);
  const relevant = required.flatMap(({ name }) => byLeaderIndex.get(name) ?? []);
  const reasons = required.flatMap(
    ({ name }) => followerBlocker(name, byLeaderIndex.get(name), limits.maxReadAgeMs) ?? [],
  );
  const lag = lagOperations(relevant);
  if (lag > limits.maxLagOperations)
    reasons.push(`${lag} operations behind (at most ${limits.maxLagOperations} allowed)`);
  const readAgeMs = Math.max(0, ...relevant.flatMap(({ shards }) => shards.map((shard) => shard.millisSinceLastRead)));
  return { inSync: reasons.length === 0, reasons: abridged(reasons), unprotected: [], lagOperations: lag, readAgeMs };
}

function followerBlocker(index: string, follower: Follower | undefined, maxReadAgeMs: number): string | null {
  if (follower === undefined) return `${index} is not followed`;
  if (follower.status === "paused") return `following ${index} is paused`;
  if (follower.shards.length === 0) return `${index} is a follower but reports no shard yet`;
  for (const shard of follower.shards) {
    if (shard.fatalError !== null) return `${index} stopped following: ${shard.fatalError}`;
    const readError = shard.readErrors[0];
    if (readError !== undefined) return `${index} cannot read from its leader: ${readError}`;
    // A follower that has just started knows neither its own nor its leader's checkpoint.
    if (shard.followerCheckpoint < 0 && shard.leaderCheckpointLastKnown >= 0) return `${index} is still being copied`;
    if (shard.millisSinceLastRead > maxReadAgeMs) {
      return `${index} last read from its leader ${shard.millisSinceLastRead} ms ago (at most ${maxReadAgeMs} allowed)`;
    }
  }
  return null;
}

/** Keeps a list of reasons readable when hundreds of indices share one. */
function abridged(reasons: readonly string[]): readonly string[] {
  const shown = 5;
  return reasons.length <= shown ? reasons : [...reasons.slice(0, shown), `and ${reasons.length - shown} more`];
}
