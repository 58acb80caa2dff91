import type { ReplicationChange } from "../../core/plans/replication-change.ts";
import type { Cluster } from "../../core/ports/cluster.ts";
import { type Follower, followsAnother, type IndexState } from "../../core/state/cluster.ts";
import type { ManagedPatterns } from "../../core/state/patterns.ts";
import type { ServingRecord } from "../../core/state/record.ts";
import { neverComplete, type RegionConfig } from "../../core/state/unfinished-copies.ts";
import { closeConfirmed, deleteConfirmed, quietFollower } from "../delete-indices.ts";

export interface ChangeContext {
  /** The standby. */
  readonly cluster: Cluster;
  readonly leader: Cluster;
  readonly managed: ManagedPatterns;
  /** The standby as it is configured. */
  readonly standby: RegionConfig;
  /** Throws unless the store confirms that the standby is still to follow, and its record holds: see `confirmController`. */
  readonly confirm: (holds?: (record: ServingRecord) => boolean) => Promise<void>;
}

type Recreation = Extract<ReplicationChange, { kind: "recreate-follow" }>;

/**
 * Deletes a follower and follows again; one that is the write index of a data stream is closed instead. Should this be
 * interrupted after the deletion, the next round follows the index, as it is missing; what the leader keeps for the deleted
 * one then ends by itself, after 12 hours by default. A closed one is opened by the next round, and then recreated.
 */
export async function recreateFollower(change: Recreation, context: ChangeContext): Promise<void> {
  const { cluster, leader } = context;
  const { name } = change.follower;
  const confirm = () => confirmRecreation(change, context);
  const { index, follower } = await assertDispensable(change, cluster, leader);
  await quietFollower(cluster, name, { isBlocked: index.writeBlocked, isActive: follower.status === "active" });
  const follow = () => cluster.follow(name, { remoteCluster: change.leader.region, index: name });
  const isOfStream = index.dataStream !== null;
  if (isOfStream && (await cluster.dataStreams()).some(({ writeIndex }) => writeIndex === name)) {
    // It cannot be deleted; where it is closed, the new follower takes its place, and its UUID: nothing is left behind.
    await closeConfirmed(cluster, change.follower, confirm);
    return follow();
  }
  await deleteConfirmed(cluster, [index], confirm);
  await follow();
  await leader.forgetFollower(name, {
    cluster: await cluster.clusterName(),
    index: change.follower,
    remoteCluster: change.leader.region,
  });
}

async function confirmRecreation({ cause, follower }: Recreation, context: ChangeContext): Promise<void> {
  const { cluster, standby, confirm } = context;
  if (cause !== "copy-ended") return confirm();
  const probe = await cluster.probe();
  await confirm((record) => neverComplete(record, probe, standby).has(follower.uuid));
}

interface FollowerNow {
  readonly index: IndexState;
  readonly follower: Follower;
}

/**
 * A follower may be deleted only while what was seen of it still holds, and it has no operation that its leader lacks.
 *
 * @throws Error when it has to be kept
 */
async function assertDispensable(
  { cause, follower: { name, uuid }, leader: { uuid: leaderUuid } }: Recreation,
  cluster: Cluster,
  leader: Cluster,
): Promise<FollowerNow> {
  const [states, followers, leaders] = await Promise.all([cluster.indices(), cluster.followers(), leader.indices()]);
  const index = states.find((state) => state.name === name);
  const follower = followers.find((each) => each.index === name);
  const source = leaders.find((state) => state.name === name);
  if (index === undefined || index.uuid !== uuid || !index.following || follower === undefined) {
    throw new Error(`${name} is no longer that follower: kept`);
  }
  if (source === undefined || source.uuid !== leaderUuid || !source.open || source.primariesActive < source.primaries) {
    throw new Error(
      `its leader in ${leader.region} is not open with all primaries, or no longer the same: ${name} is kept`,
    );
  }
  const isOfOtherLeader = followsAnother(follower, source.uuid);
  if (cause === "leader-recreated") {
    if (!isOfOtherLeader) throw new Error(`${name} follows the index that ${leader.region} has: kept`);
    return { index, follower };
  }
  if (isOfOtherLeader) throw new Error(`the leader of ${name} was recreated in ${leader.region}: kept for now`);
  if (cause === "copy-failed" && index.firstCopy?.state !== "failed") {
    throw new Error(`the first copy of ${name} is not failed now: kept`);
  }
  if (cause === "copy-ended" && !index.noCopy) throw new Error(`${name} has its primaries again, or gets them: kept`);
  await assertLeaderHasAll(
    index,
    { isUnfinished: index.firstCopy !== null || cause === "copy-ended" },
    cluster,
    leader,
  );
  return { index, follower };
}

/** A primary that never was complete has nothing of its own; any other one must be readable. */
async function assertLeaderHasAll(
  { name, primaries, primariesActive }: IndexState,
  { isUnfinished }: { readonly isUnfinished: boolean },
  cluster: Cluster,
  leader: Cluster,
): Promise<void> {
  if (isUnfinished && primariesActive === 0) return;
  const [own, led] = await Promise.all([cluster.checkpoints([name]), leader.checkpoints([name])]);
  const ahead = own.filter(({ shard, maxSeqNo }) => {
    const source = led.find((candidate) => candidate.shard === shard);
    return source === undefined || source.globalCheckpoint < maxSeqNo;
  });
  const required = isUnfinished ? primariesActive : primaries;
  if (own.length < required || ahead.length > 0) {
    throw new Error(`${name} may hold operations that ${leader.region} lacks: kept, an operator has to inspect it`);
  }
}
