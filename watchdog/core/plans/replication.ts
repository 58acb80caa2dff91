import type { RegionName } from "../../config/address.ts";
import type { AutoFollowPattern, Definition, Follower, IndexState } from "../state/cluster.ts";
import { differingDefinitions } from "./definitions.ts";

/** One change that the standby needs so that it follows the active region. */
export type ReplicationChange =
  | { readonly kind: "put-definition"; readonly definition: Definition }
  | { readonly kind: "put-auto-follow"; readonly pattern: Omit<AutoFollowPattern, "active"> }
  | { readonly kind: "resume-auto-follow"; readonly name: string }
  | { readonly kind: "follow"; readonly index: string; readonly leader: RegionName }
  | { readonly kind: "open-follower"; readonly index: string }
  | { readonly kind: "resume-follow"; readonly index: string }
  /** Pause, then resume: the cure for a fatal error (elasticsearch #92522). */
  | { readonly kind: "restart-follow"; readonly index: string; readonly reason: string }
  /** Delete and follow anew: the leader no longer has what the follower would have to read next. */
  | { readonly kind: "recreate-follow"; readonly index: string; readonly leader: RegionName; readonly reason: string };

export interface ReplicationPlan {
  /** In the order in which they are to be made. */
  readonly changes: readonly ReplicationChange[];
  /** What no change of ours can mend; a person has to look. */
  readonly problems: readonly string[];
}

export interface ReplicationSnapshot {
  readonly leader: {
    readonly region: RegionName;
    readonly indices: readonly IndexState[];
    readonly definitions: readonly Definition[];
  };
  readonly standby: {
    readonly region: RegionName;
    readonly indices: readonly IndexState[];
    readonly followers: readonly Follower[];
    readonly autoFollow: readonly AutoFollowPattern[];
    readonly definitions: readonly Definition[];
  };
  readonly patterns: readonly string[];
  readonly exclusions: readonly string[];
}

/** Our auto-follow pattern in the standby's cluster: one, named after the region it follows. */
export const autoFollowName = (leader: RegionName) => `es-failover-from-${leader}`;

/** What has to change on the standby so that it follows the active region's managed indices, and goes on doing so. */
export function planReplication(view: ReplicationSnapshot): ReplicationPlan {
  const problems: string[] = [];
  const definitions = differingDefinitions(view.leader.definitions, view.standby.definitions);
  const changes: ReplicationChange[] = definitions.map((definition) => ({ kind: "put-definition", definition }));
  const standbyIndices = new Map(view.standby.indices.map((index) => [index.name, index]));
  const followers = new Map(view.standby.followers.map((follower) => [follower.index, follower]));
  for (const leaderIndex of view.leader.indices) {
    if (!leaderIndex.open) {
      problems.push(`${leaderIndex.name} is closed in ${view.leader.region}, so it cannot be followed`);
      continue;
    }
    const index = standbyIndices.get(leaderIndex.name);
    const follower = followers.get(leaderIndex.name);
    const outcome = followerChange(leaderIndex.name, index, follower, view);
    if (outcome.problem !== null) problems.push(outcome.problem);
    if (outcome.change !== null) changes.push(outcome.change);
  }
  const led = new Set(view.leader.indices.map(({ name }) => name));
  for (const { index, leaderIndex } of view.standby.followers) {
    if (!led.has(leaderIndex)) {
      problems.push(
        `${index} follows ${leaderIndex}, which is not in ${view.leader.region} any more: deletes do not replicate`,
      );
    }
  }
  // Last: a pattern that is resumed follows what was created meanwhile by itself, and would be met at the same indices.
  changes.push(...autoFollowChanges(view));
  return { changes, problems };
}

interface FollowerOutcome {
  readonly change: ReplicationChange | null;
  readonly problem: string | null;
}

function followerChange(
  name: string,
  index: IndexState | undefined,
  follower: Follower | undefined,
  view: ReplicationSnapshot,
): FollowerOutcome {
  const change = (made: ReplicationChange): FollowerOutcome => ({ change: made, problem: null });
  const problem = (sentence: string): FollowerOutcome => ({ change: null, problem: sentence });
  const { region } = view.standby;
  if (index === undefined) return change({ kind: "follow", index: name, leader: view.leader.region });
  if (follower === undefined || !index.following) {
    return problem(`${name} exists in ${region} but is not a follower: set it aside or delete it, then it is followed`);
  }
  if (follower.remoteCluster !== view.leader.region || follower.leaderIndex !== name) {
    return problem(
      `${name} in ${region} follows ${follower.leaderIndex} of ${follower.remoteCluster}, not of ${view.leader.region}`,
    );
  }
  // Closed and paused is what a promotion leaves that was called off before its first unfollow.
  if (!index.open) return change({ kind: "open-follower", index: name });
  if (follower.status === "paused") return change({ kind: "resume-follow", index: name });
  const fatal = follower.shards.find((shard) => shard.fatalError !== null)?.fatalError;
  if (fatal) {
    return change(
      isHistoryLost(fatal)
        ? { kind: "recreate-follow", index: name, leader: view.leader.region, reason: fatal }
        : { kind: "restart-follow", index: name, reason: fatal },
    );
  }
  return { change: null, problem: null };
}

/**
 * Whether a follower was away for longer than its leader kept the history (retention leases last 12 h by default). The
 * first is Elasticsearch's own message for it, the second that of the Lucene snapshot beneath.
 */
const isHistoryLost = (fatal: string) =>
  /Operations are no longer available for replicating|Not all operations between from_seqno/.test(fatal);

function autoFollowChanges(view: ReplicationSnapshot): readonly ReplicationChange[] {
  const name = autoFollowName(view.leader.region);
  const wanted = { name, remoteCluster: view.leader.region, patterns: view.patterns, exclusions: view.exclusions };
  const present = view.standby.autoFollow.find((pattern) => pattern.name === name);
  const same =
    present !== undefined &&
    present.remoteCluster === wanted.remoteCluster &&
    sameNames(present.patterns, wanted.patterns) &&
    sameNames(present.exclusions, wanted.exclusions);
  if (!same) return [{ kind: "put-auto-follow", pattern: wanted }];
  return present.active ? [] : [{ kind: "resume-auto-follow", name }];
}

const sameNames = (a: readonly string[], b: readonly string[]) => [...a].sort().join("\n") === [...b].sort().join("\n");
