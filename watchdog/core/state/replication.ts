import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { AutoFollowPattern, Definition, DefinitionKind, Follower, IndexState } from "../ports.ts";

/** Whether the standby could take over without losing more than is always possible, and why not. */
export interface SyncJudgement {
  readonly inSync: boolean;
  readonly reasons: readonly string[];
  /** Operations over all shards, as last known to the followers. */
  readonly lagOperations: number;
  /** The longest time since a follower heard from its leader. */
  readonly readAgeMs: number;
}

export type ReplicationLimits = Pick<WatchdogConfig["replication"], "maxLagOperations" | "maxReadAgeMs">;

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

export interface ReplicationView {
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

/** Operations that followers lack of what they last knew their leaders to have. A paused follower reports none. */
export function lagOperations(followers: readonly Follower[]): number {
  return followers
    .flatMap(({ shards }) => shards)
    .reduce((sum, shard) => sum + Math.max(0, shard.leaderCheckpointLastKnown - shard.followerCheckpoint), 0);
}

/** Judges the standby against the active region's indices as they are now. Closed leader indices are not followed. */
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
    ({ name }) => followerFault(name, byLeaderIndex.get(name), limits.maxReadAgeMs) ?? [],
  );
  const lag = lagOperations(relevant);
  if (lag > limits.maxLagOperations)
    reasons.push(`${lag} operations behind (at most ${limits.maxLagOperations} allowed)`);
  const readAgeMs = Math.max(0, ...relevant.flatMap(({ shards }) => shards.map((shard) => shard.millisSinceLastRead)));
  return { inSync: reasons.length === 0, reasons: abridged(reasons), lagOperations: lag, readAgeMs };
}

function followerFault(index: string, follower: Follower | undefined, maxReadAgeMs: number): string | null {
  if (follower === undefined) return `${index} is not followed`;
  if (follower.status === "paused") return `${index} is paused`;
  if (follower.shards.length === 0) return `${index} follows, but reports no shard yet`;
  for (const shard of follower.shards) {
    if (shard.fatalError !== null) return `${index} stopped following: ${shard.fatalError}`;
    const readError = shard.readErrors[0];
    if (readError !== undefined) return `${index} cannot read from its leader: ${readError}`;
    // A follower that has just started knows neither its own nor its leader's checkpoint.
    if (shard.followerCheckpoint < 0 && shard.leaderCheckpointLastKnown >= 0) return `${index} is still being copied`;
    if (shard.millisSinceLastRead > maxReadAgeMs) {
      return `${index} last heard from its leader ${shard.millisSinceLastRead} ms ago (at most ${maxReadAgeMs} allowed)`;
    }
  }
  return null;
}

/** Keeps a list of reasons readable when hundreds of indices share one. */
function abridged(reasons: readonly string[]): readonly string[] {
  const shown = 5;
  return reasons.length <= shown ? reasons : [...reasons.slice(0, shown), `and ${reasons.length - shown} more`];
}

/** What has to change on the standby so that it follows the active region's managed indices, and goes on doing so. */
export function planReplication(view: ReplicationView): ReplicationPlan {
  const problems: string[] = [];
  const changes: ReplicationChange[] = [...definitionChanges(view)];
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
  view: ReplicationView,
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

function autoFollowChanges(view: ReplicationView): readonly ReplicationChange[] {
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

/** What index templates are made of comes before them. */
const definitionOrder: readonly DefinitionKind[] = [
  "ilm-policy",
  "ingest-pipeline",
  "component-template",
  "index-template",
];

/** Definitions of the active region that the standby lacks or has otherwise. What only the standby has is left alone. */
function definitionChanges({ leader, standby }: ReplicationView): readonly ReplicationChange[] {
  const present = new Map(
    standby.definitions.map((definition) => [definitionKey(definition), canonical(definition.body)]),
  );
  return leader.definitions
    .filter((definition) => present.get(definitionKey(definition)) !== canonical(definition.body))
    .toSorted(
      (a, b) => definitionOrder.indexOf(a.kind) - definitionOrder.indexOf(b.kind) || a.name.localeCompare(b.name),
    )
    .map((definition) => ({ kind: "put-definition", definition }));
}

const definitionKey = ({ kind, name }: Definition) => `${kind}/${name}`;

/** JSON with the keys of every object in order, so that equal definitions have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
