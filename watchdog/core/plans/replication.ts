import { autoFollowChanges, autoFollowProblems, pauseOfAutoFollow } from "./auto-follow.ts";
import { differingDefinitions } from "./definitions.ts";
import { followerOutcome } from "./follower-change.ts";
import type { ReplicationChange, ReplicationSnapshot } from "./replication-change.ts";

export interface ReplicationPlan {
  /** In the order in which to make them. */
  readonly changes: readonly ReplicationChange[];
  /** What the watchdog cannot repair: an operator has to. */
  readonly problems: readonly string[];
  /** What has to be seen again in the next round before something is done about it. */
  readonly sightings: ReadonlySet<string>;
}

/**
 * The changes that make the standby follow all managed indices of the active region, new ones too. Towards a region that
 * does not answer none of them would succeed: then auto-follow is paused, which would ask it about 1,000 times a second.
 */
export function planReplication(snapshot: ReplicationSnapshot): ReplicationPlan {
  const { leader, standby } = snapshot;
  if (leader.health === "suspect" || leader.health === "unhealthy") {
    return { changes: pauseOfAutoFollow(snapshot), problems: [], sightings: new Set() };
  }
  const problems = [...autoFollowProblems(snapshot)];
  const sightings = new Set<string>();
  const ofFollowers: ReplicationChange[] = [];
  const standbyIndices = new Map(standby.indices.map((index) => [index.name, index]));
  const followers = new Map(standby.followers.map((follower) => [follower.index, follower]));
  for (const leaderIndex of leader.indices) {
    const { name, searchableSnapshot } = leaderIndex;
    if (searchableSnapshot) continue;
    if (!leaderIndex.open) {
      problems.push(`${name} is closed in ${leader.region}, so it cannot be followed`);
      continue;
    }
    const outcome = followerOutcome(leaderIndex, standbyIndices.get(name), followers.get(name), snapshot);
    if (outcome.problem !== null) problems.push(outcome.problem);
    if (outcome.change !== null) ofFollowers.push(outcome.change);
    if (outcome.sighting !== null) sightings.add(outcome.sighting);
  }
  const led = new Set(leader.indices.map(({ name }) => name));
  // The active region was read a moment before the standby, which may follow an index that was created in between.
  const withoutLeader = (name: string, problem: string) => {
    const sighting = `${name} without a leader`;
    sightings.add(sighting);
    if (snapshot.seenBefore.has(sighting)) problems.push(problem);
  };
  // Most of them at once were hardly meant: what is left here is then the only copy.
  const isMost = snapshot.dueDeletions.size > 1 && snapshot.dueDeletions.size * 2 > standby.followers.length;
  for (const { index, leaderIndex } of standby.followers) {
    if (led.has(leaderIndex)) continue;
    const { uuid } = standbyIndices.get(index) ?? {};
    if (uuid !== undefined && snapshot.dueDeletions.has(uuid) && !isMost) {
      ofFollowers.push({ kind: "delete-follower", follower: { name: index, uuid }, leader: leader.region });
    } else {
      withoutLeader(
        index,
        `${index} follows ${leaderIndex}, which ${leader.region} no longer has: CCR does not replicate deletes, and ` +
          "replication.deletedLeaders tells what becomes of it",
      );
    }
  }
  for (const { name, following } of standby.indices) {
    if (!following && !led.has(name))
      withoutLeader(name, `${name} is in ${standby.region} alone, and would be served after a failover`);
  }
  const recreations = withoutDoubtful(withFewRestarts(ofFollowers), snapshot);
  const changes: ReplicationChange[] = [
    ...differingDefinitions(leader.definitions, standby.definitions).map(
      (definition) => ({ kind: "put-definition", definition }) as const,
    ),
    ...recreations.changes,
    // Last: a resumed pattern follows indices created in the meantime, and would collide with the changes above.
    ...(leader.health === "healthy" ? autoFollowChanges(snapshot) : []),
  ];
  return { changes, problems: [...problems, ...recreations.problems], sightings };
}

/**
 * More restarts in a round would hold up its other changes, and take longer than the followers' own next reads, which come
 * within a minute.
 */
const RESTARTS_MAX = 100;

function withFewRestarts(changes: readonly ReplicationChange[]): readonly ReplicationChange[] {
  let restarts = 0;
  return changes.filter(({ kind }) => kind !== "restart-follow" || ++restarts <= RESTARTS_MAX);
}

/**
 * Leaves out recreations that could destroy the only copy: of a leader that is not known to be well, and those of leaders
 * that were recreated when the whole region seems to have been.
 */
function withoutDoubtful(
  changes: readonly ReplicationChange[],
  { leader, standby }: ReplicationSnapshot,
): Pick<ReplicationPlan, "changes" | "problems"> {
  const isRecreation = ({ kind }: ReplicationChange) => kind === "recreate-follow";
  if (leader.health !== "healthy") return { changes: changes.filter((each) => !isRecreation(each)), problems: [] };
  const isOfNewLeader = (each: ReplicationChange) =>
    each.kind === "recreate-follow" && each.cause === "leader-recreated";
  const recreated = changes.filter(isOfNewLeader).length;
  const isMost = recreated > 1 && recreated * 2 > standby.followers.length;
  if (recreated === 0 || (leader.sameCluster && !isMost)) return { changes, problems: [] };
  const problem =
    `${recreated} of ${standby.followers.length} indices that ${standby.region} follows were created again in ` +
    `${leader.region}, as if that region had been built again: ${standby.region} may hold the only copies. Delete those ` +
    `there that you do not need, then they are followed`;
  return { changes: changes.filter((each) => !isOfNewLeader(each)), problems: [problem] };
}
