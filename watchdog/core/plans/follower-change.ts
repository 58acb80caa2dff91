import { type Follower, followsAnother, type IndexState } from "../state/cluster.ts";
import type { RecreationCause, ReplicationChange, ReplicationSnapshot } from "./replication-change.ts";

export interface FollowerOutcome {
  readonly change: ReplicationChange | null;
  readonly problem: string | null;
  /** What has to be seen in two rounds in a row before a change follows; null for what needs no second look. */
  readonly sighting: string | null;
}

const nothing: FollowerOutcome = { change: null, problem: null, sighting: null };

const change = (made: ReplicationChange): FollowerOutcome => ({ ...nothing, change: made });
const problem = (sentence: string): FollowerOutcome => ({ ...nothing, problem: sentence });

/** What the follower of one open leader index needs. */
export function followerOutcome(
  leader: IndexState,
  index: IndexState | undefined,
  follower: Follower | undefined,
  snapshot: ReplicationSnapshot,
): FollowerOutcome {
  const { name } = leader;
  const { region } = snapshot.standby;
  const from = snapshot.leader.region;
  if (index === undefined) return change({ kind: "follow", index: name, leader: from });
  const copy = snapshot.standby.copies.get(name);
  const isCopyEnded = index.following && index.noCopy && snapshot.standby.neverComplete.has(index.uuid);
  // Index lifecycle management ends the following of what is complete: it pauses, closes, unfollows and opens by itself.
  if ((copy === "complete" || copy === "unknown") && !isCopyEnded) return nothing;
  if (copy === "behind" && !index.following) {
    return problem(
      `${name} in ${region} was unfollowed and is not what ${from} has now: copy what you need of it and delete it there, then it is followed`,
    );
  }
  if (follower === undefined || !index.following) {
    return problem(
      `${name} exists in ${region} but is not a follower: copy what you need of it and delete it there, then it is followed`,
    );
  }
  if (follower.remoteCluster !== from || follower.leaderIndex !== name) {
    return problem(`${name} in ${region} follows ${follower.leaderIndex} of ${follower.remoteCluster}, not of ${from}`);
  }
  const twice = (what: string, made: ReplicationChange): FollowerOutcome => {
    const sighting = `${name} ${index.uuid} ${what}`;
    return { change: snapshot.seenBefore.has(sighting) ? made : null, problem: null, sighting };
  };
  const recreate = (cause: RecreationCause, reason: string): ReplicationChange => ({
    kind: "recreate-follow",
    follower: { name, uuid: index.uuid },
    leader: { region: from, uuid: leader.uuid },
    cause,
    reason,
  });
  if (followsAnother(follower, leader.uuid)) {
    const made = recreate("leader-recreated", `${from} has another index of this name now`);
    return twice(`recreated as ${leader.uuid}`, made);
  }
  if (index.firstCopy?.state === "failed") {
    const { error } = index.firstCopy;
    return twice("copy failed", recreate("copy-failed", `its first copy failed: ${error ?? "no reason given"}`));
  }
  if (isCopyEnded) {
    return twice("copy ended", recreate("copy-ended", "a restart of the whole cluster ended its first copy"));
  }
  // Nothing can be done to an index in its first copy but to wait.
  if (index.firstCopy !== null) return nothing;
  if (index.writeBlocked && !leader.writeBlocked) return change({ kind: "lift-follower-block", index: name });
  // A promotion that was undone before its first unfollow leaves followers closed and paused. Index lifecycle management may
  // close one before the mark of its leader is seen.
  if (!index.open) return twice("closed", { kind: "open-follower", index: name });
  if (index.primariesActive < index.primaries) {
    // One that was just opened or recovers gets its primaries within moments.
    const sighting = `${name} ${index.uuid} lacks a primary`;
    const sentence =
      `${name} lacks a primary in ${region}: a node of it is away, or what it holds cannot be read. With all nodes back, ` +
      "delete it there, then it is followed";
    return { ...nothing, problem: snapshot.seenBefore.has(sighting) ? sentence : null, sighting };
  }
  if (follower.status === "paused") {
    // A follower whose first copy has just ended is about to start by itself.
    return twice("paused", { kind: "resume-follow", index: name });
  }
  const fatal = follower.shards.find((shard) => shard.fatalError !== null)?.fatalError;
  if (!fatal) {
    if (!waitsToRead(follower) || !snapshot.standby.reachesLeader) return nothing;
    return twice("waits", {
      kind: "restart-follow",
      index: name,
      reason: "it waits to read although its leader answers",
    });
  }
  const restart = { kind: "restart-follow", index: name, reason: fatal } as const;
  // Of a leader that was just deleted, a restart would leave it paused. Else it is what an earlier follower of this name
  // has left behind: a task outlives the deletion of its index, and a pause ends all tasks of the name.
  if (isLeaderGone(fatal)) return twice("its leader is there", restart);
  return change(isHistoryLost(fatal) ? recreate("history-lost", fatal) : restart);
}

/**
 * Whether its last read failed. Elasticsearch repeats a failed read after a delay that grows up to `read_poll_timeout`, one
 * minute by default: after an outage the standby would lag for as long.
 */
export const waitsToRead = ({ shards }: Follower) => shards.some(({ readErrors }) => readErrors.length > 0);

const isLeaderGone = (fatal: string) => /^no such index \[/.test(fatal);

/**
 * Whether the leader no longer keeps the history that the follower needs (retention leases last 12 h by default). The
 * first message is Elasticsearch's own, the second that of the Lucene snapshot below.
 */
const isHistoryLost = (fatal: string) =>
  /Operations are no longer available for replicating|Not all operations between from_seqno/.test(fatal);
