import type { RegionName } from "../../config/address.ts";
import type { AutoFollowPattern, Definition, Follower, IndexState } from "../state/cluster.ts";
import { differingDefinitions } from "./definitions.ts";

/** One change that the standby needs to follow the active region. */
export type ReplicationChange =
  | { readonly kind: "put-definition"; readonly definition: Definition }
  | { readonly kind: "put-auto-follow"; readonly pattern: Omit<AutoFollowPattern, "active"> }
  | { readonly kind: "resume-auto-follow"; readonly name: string }
  | { readonly kind: "follow"; readonly index: string; readonly leader: RegionName }
  | { readonly kind: "open-follower"; readonly index: string }
  | { readonly kind: "resume-follow"; readonly index: string }
  /** Pause, then resume: clears a fatal error (elasticsearch #92522). */
  | { readonly kind: "restart-follow"; readonly index: string; readonly reason: string }
  /** Delete and follow again: the leader no longer has the operations that the follower needs next. */
  | { readonly kind: "recreate-follow"; readonly index: string; readonly leader: RegionName; readonly reason: string };

export interface ReplicationPlan {
  /** In the order in which to make them. */
  readonly changes: readonly ReplicationChange[];
  /** What the watchdog cannot repair: an operator has to. */
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

/** Name of the watchdog's one auto-follow pattern in the standby's cluster. */
export const autoFollowName = (leader: RegionName) => `es-failover-from-${leader}`;

/** The changes that make the standby follow all managed indices of the active region, new ones too. */
export function planReplication(snapshot: ReplicationSnapshot): ReplicationPlan {
  const problems: string[] = [];
  const definitions = differingDefinitions(snapshot.leader.definitions, snapshot.standby.definitions);
  const changes: ReplicationChange[] = definitions.map((definition) => ({ kind: "put-definition", definition }));
  const standbyIndices = new Map(snapshot.standby.indices.map((index) => [index.name, index]));
  const followers = new Map(snapshot.standby.followers.map((follower) => [follower.index, follower]));
  for (const leaderIndex of snapshot.leader.indices) {
    if (!leaderIndex.open) {
      problems.push(`${leaderIndex.name} is closed in ${snapshot.leader.region}, so it cannot be followed`);
      continue;
    }
    const index = standbyIndices.get(leaderIndex.name);
    const follower = followers.get(leaderIndex.name);
    const outcome = followerChange(leaderIndex.name, index, follower, snapshot);
    if (outcome.problem !== null) problems.push(outcome.problem);
    if (outcome.change !== null) changes.push(outcome.change);
  }
  const led = new Set(snapshot.leader.indices.map(({ name }) => name));
  for (const { index, leaderIndex } of snapshot.standby.followers) {
    if (!led.has(leaderIndex)) {
      problems.push(
        `${index} follows ${leaderIndex}, which ${snapshot.leader.region} no longer has: CCR does not replicate deletes`,
      );
    }
  }
  // Last: a resumed pattern follows indices created in the meantime, and would collide with the changes above.
  changes.push(...autoFollowChanges(snapshot));
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
  snapshot: ReplicationSnapshot,
): FollowerOutcome {
  const change = (made: ReplicationChange): FollowerOutcome => ({ change: made, problem: null });
  const problem = (sentence: string): FollowerOutcome => ({ change: null, problem: sentence });
  const { region } = snapshot.standby;
  if (index === undefined) return change({ kind: "follow", index: name, leader: snapshot.leader.region });
  if (follower === undefined || !index.following) {
    return problem(
      `${name} exists in ${region} but is not a follower: copy what you need of it and delete it there, then it is followed`,
    );
  }
  if (follower.remoteCluster !== snapshot.leader.region || follower.leaderIndex !== name) {
    return problem(
      `${name} in ${region} follows ${follower.leaderIndex} of ${follower.remoteCluster}, not of ${snapshot.leader.region}`,
    );
  }
  // A promotion that was undone before its first unfollow leaves followers closed and paused.
  if (!index.open) return change({ kind: "open-follower", index: name });
  if (follower.status === "paused") {
    // Elasticsearch reports `paused` while the first copy runs, and refuses to resume until every primary has started.
    const isCopying = index.primariesActive < index.primaries;
    return isCopying ? { change: null, problem: null } : change({ kind: "resume-follow", index: name });
  }
  const fatal = follower.shards.find((shard) => shard.fatalError !== null)?.fatalError;
  if (fatal) {
    return change(
      isHistoryLost(fatal)
        ? { kind: "recreate-follow", index: name, leader: snapshot.leader.region, reason: fatal }
        : { kind: "restart-follow", index: name, reason: fatal },
    );
  }
  return { change: null, problem: null };
}

/**
 * Whether the leader no longer keeps the history that the follower needs (retention leases last 12 h by default). The
 * first message is Elasticsearch's own, the second that of the Lucene snapshot below.
 */
const isHistoryLost = (fatal: string) =>
  /Operations are no longer available for replicating|Not all operations between from_seqno/.test(fatal);

function autoFollowChanges(snapshot: ReplicationSnapshot): readonly ReplicationChange[] {
  const name = autoFollowName(snapshot.leader.region);
  const wanted = {
    name,
    remoteCluster: snapshot.leader.region,
    patterns: snapshot.patterns,
    exclusions: snapshot.exclusions,
  };
  const present = snapshot.standby.autoFollow.find((pattern) => pattern.name === name);
  const same =
    present !== undefined &&
    present.remoteCluster === wanted.remoteCluster &&
    sameNames(present.patterns, wanted.patterns) &&
    sameNames(present.exclusions, wanted.exclusions);
  if (!same) return [{ kind: "put-auto-follow", pattern: wanted }];
  return present.active ? [] : [{ kind: "resume-auto-follow", name }];
}

const sameNames = (a: readonly string[], b: readonly string[]) => [...a].sort().join("\n") === [...b].sort().join("\n");
