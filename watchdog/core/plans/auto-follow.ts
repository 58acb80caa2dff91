import type { RegionName } from "../../config/address.ts";
import { matchesPattern, patternsOverlap } from "../../util/wildcard.ts";
import type { AutoFollowPattern } from "../state/cluster.ts";
import type { ManagedPatterns } from "../state/patterns.ts";
import type { ReplicationChange, ReplicationSnapshot } from "./replication-change.ts";

/** Name of the watchdog's one auto-follow pattern in the standby's cluster. */
export const autoFollowName = (leader: RegionName) => `es-failover-from-${leader}`;

/**
 * The pattern by which the standby follows new indices: the watchdog's own, else one of an operator that does exactly the same.
 * That is adopted under its name, since Elasticsearch follows no index that two patterns match, even if one is paused
 * (AutoFollowCoordinator: "matches with other patterns").
 */
export function usedAutoFollow(
  leader: RegionName,
  present: readonly AutoFollowPattern[],
  managed: ManagedPatterns,
): AutoFollowPattern | undefined {
  const own = present.find(({ name }) => name === autoFollowName(leader));
  return own ?? present.find((pattern) => doesTheSame(pattern, leader, managed));
}

function doesTheSame(
  { remoteCluster, patterns, exclusions, followerNames }: AutoFollowPattern,
  leader: RegionName,
  managed: ManagedPatterns,
): boolean {
  return (
    remoteCluster === leader &&
    followerNames === undefined &&
    sameNames(patterns, managed.patterns) &&
    sameNames(exclusions, managed.exclusions)
  );
}

/** What makes the pattern follow the managed indices. */
export function autoFollowChanges(snapshot: ReplicationSnapshot): readonly ReplicationChange[] {
  const { leader, standby, patterns, exclusions } = snapshot;
  const used = usedAutoFollow(leader.region, standby.autoFollow, snapshot);
  if (used === undefined || !doesTheSame(used, leader.region, snapshot)) {
    const name = autoFollowName(leader.region);
    return [{ kind: "put-auto-follow", pattern: { name, remoteCluster: leader.region, patterns, exclusions } }];
  }
  return used.active ? [] : [{ kind: "resume-auto-follow", name: used.name }];
}

/** What ends the pattern's requests to a leader that does not answer. */
export function pauseOfAutoFollow({ leader, standby, ...managed }: ReplicationSnapshot): readonly ReplicationChange[] {
  const used = usedAutoFollow(leader.region, standby.autoFollow, managed);
  return used?.active === true ? [{ kind: "pause-auto-follow", name: used.name }] : [];
}

/** A sentence for each other pattern that keeps new indices from being followed: an operator made it, and may need it. */
export function autoFollowProblems({ leader, standby, ...managed }: ReplicationSnapshot): readonly string[] {
  const used = usedAutoFollow(leader.region, standby.autoFollow, managed);
  return standby.autoFollow
    .filter(({ name, remoteCluster }) => name !== used?.name && remoteCluster === leader.region)
    .filter((pattern) => matchesManaged(pattern, managed))
    .map(
      ({ name }) =>
        `the auto-follow pattern ${name} in ${standby.region} matches managed indices as well: Elasticsearch follows no new index ` +
        "that two patterns match. Delete it there, or exclude the managed indices from it",
    );
}

/** Whether an index may exist that both match. */
export function matchesManaged(
  { patterns, exclusions }: Pick<AutoFollowPattern, "patterns" | "exclusions">,
  managed: ManagedPatterns,
): boolean {
  // An exclusion that matches the text of a pattern matches each name that the pattern does.
  const left = (from: readonly string[]) =>
    from.filter((each) => ![...exclusions, ...managed.exclusions].some((exclusion) => matchesPattern(exclusion, each)));
  return left(patterns).some((one) => left(managed.patterns).some((other) => patternsOverlap(one, other)));
}

const sameNames = (a: readonly string[], b: readonly string[]) => [...a].sort().join("\n") === [...b].sort().join("\n");
