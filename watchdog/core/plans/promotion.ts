import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { unfollowedCopies } from "../state/complete-copies.ts";
import type { StandbySnapshot } from "../state/observations.ts";
import type { ManagedPatterns } from "../state/patterns.ts";
import { notStarted, type Plan, type PlanStep } from "../state/plan.ts";
import type { LeaderSnapshot } from "../state/record-fields.ts";
import { discardCopies, type FollowersOf, followersFrom } from "./left-out.ts";
import { writeAliasStep } from "./write-aliases.ts";
import { keepBlocks, liftBlocks } from "./write-blocks.ts";

/**
 * The promotion of a standby, from its snapshot. Auto-follow is paused first, so that no follower appears while the
 * others are detached. Checkpoints are recorded once nothing advances them, and before closing the indices, which hides
 * them. Followers that are left out are in no step but their own. Routers open only after `verify`. Every
 * step may run any number of times.
 */
export function planPromotion(
  from: RegionName,
  standby: StandbySnapshot,
  leader: LeaderSnapshot | null,
  config: Pick<WatchdogConfig, "promotion" | "replication">,
  nowMs: number,
  /** Indices of the standby that are marked as write-blocked. */
  marked: readonly string[] = [],
  /** Indices that an earlier promotion of the standby had detached before it was undone. */
  detachedBefore: readonly string[] = [],
): Plan {
  const { drainTimeoutMs } = config.promotion;
  const followers = followersFrom(from, standby, leader);
  const own = new Set(standby.indices.filter(({ following }) => !following).map(({ name }) => name));
  const copies = unfollowedCopies(leader, standby);
  const regained = detachedBefore.filter((index) => own.has(index) && !copies.includes(index));
  return {
    kind: "promotion",
    createdAtMs: nowMs,
    steps: [
      { kind: "pause-auto-follow", ...notStarted, patterns: patternsFrom(from, standby) },
      { kind: "drain", ...notStarted, timeoutMs: drainTimeoutMs, leaderCheckpoints: null },
      ...detachFollowers(followers, standby, leader, regained),
      ...liftBlocks(marked),
      ...openForWrites(followers, standby, leader, config.replication, regained),
    ],
  };
}

/**
 * The steps after which no index follows the old region, and the last checkpoint of each shard is recorded: also of copies
 * that followed it until they were complete.
 */
export function detachFollowers(
  { complete: indices }: FollowersOf,
  standby: StandbySnapshot,
  leader: LeaderSnapshot | null,
  /** Indices that follow nothing any more, to be opened with the others. */
  regained: readonly string[] = [],
): readonly PlanStep[] {
  const copied = [...indices, ...unfollowedCopies(leader, standby)].toSorted();
  return [
    { kind: "pause-follow", ...notStarted, indices, lifted: [] },
    { kind: "record-checkpoints", ...notStarted, indices: copied, checkpoints: null, leaders: [], loss: null },
    { kind: "close", ...notStarted, indices },
    { kind: "unfollow", ...notStarted, indices },
    { kind: "open", ...notStarted, indices: [...copied, ...regained].toSorted() },
  ];
}

/** The steps that make the detached indices accept writes, and prove that they do. */
export function openForWrites(
  { complete, copies }: FollowersOf,
  standby: StandbySnapshot,
  leader: LeaderSnapshot | null,
  managed: ManagedPatterns,
  /** As of `detachFollowers`. */
  regained: readonly string[] = [],
): readonly PlanStep[] {
  const indices = [...complete, ...unfollowedCopies(leader, standby), ...regained].toSorted();
  return [
    writeAliasStep(indices, { leader, indices: standby.indices, managed }),
    { kind: "data-streams", ...notStarted, dataStreams: replicatedDataStreams(standby) },
    // After the streams: Elasticsearch deletes no index into which a data stream writes.
    ...discardCopies(copies),
    ...keepBlocks(indices, leader),
    { kind: "verify", ...notStarted, indices },
  ];
}

/** All patterns that follow the old region, paused ones too: pausing again does no harm, and none is missed. */
function patternsFrom(from: RegionName, { autoFollow }: StandbySnapshot): readonly string[] {
  return autoFollow.filter(({ remoteCluster }) => remoteCluster === from).map(({ name }) => name);
}

function replicatedDataStreams({ dataStreams }: StandbySnapshot): readonly string[] {
  return dataStreams.filter(({ replicated }) => replicated).map(({ name }) => name);
}
