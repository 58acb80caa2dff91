import type { Follower, IndexState, ShardCheckpoint } from "../../../../watchdog/core/state/cluster.ts";
import type { SimCluster } from "./cluster.ts";
import { type Following, newTask, type SimIndex } from "./index-state.ts";

/** What a cluster does at the request of a watchdog, with the refusals of the real one. */

function taskOf(cluster: SimCluster, name: string): Following {
  const task = cluster.existing(name).following;
  if (task === null) throw cluster.error("rejected", `index [${name}] is not a follower`, 400);
  return task;
}

export function pauseFollow(cluster: SimCluster, name: string): void {
  const task = taskOf(cluster, name);
  if (task.status === "paused") throw cluster.error("rejected", `index [${name}] is already paused`, 400);
  task.status = "paused";
  task.fatal = null;
}

export function resumeFollow(cluster: SimCluster, name: string): void {
  const index = cluster.existing(name);
  const task = taskOf(cluster, name);
  if (task.status === "active") throw cluster.error("rejected", `[${name}] is already following`, 400);
  if (!index.open) throw cluster.error("rejected", `index [${name}] is closed`, 400);
  const { remote, leaderIndex, leaderUuid, isCopied } = task;
  const leader = { name: leaderIndex, uuid: leaderUuid };
  const checkpoint = index.operations.length - 1;
  index.following = { ...newTask({ remote, leader, nowMs: cluster.world.nowMs, checkpoint }), isCopied };
}

export function unfollow(cluster: SimCluster, name: string): void {
  const index = cluster.existing(name);
  const task = taskOf(cluster, name);
  if (index.open) throw cluster.error("rejected", `cannot convert the follower index [${name}]: not closed`, 400);
  if (task.status !== "paused") throw cluster.error("rejected", `cannot convert [${name}]: not paused`, 400);
  index.following = null;
}

export function setOpen(cluster: SimCluster, names: readonly string[], open: boolean): void {
  for (const name of names) {
    const index = cluster.existing(name);
    if (!open && index.following?.status === "active") index.following.fatal = "index was closed";
    index.open = open;
    index.startingUntilMs = cluster.world.nowMs + cluster.ailments.shardsStartMs;
  }
}

export function setWriteBlock(cluster: SimCluster, names: readonly string[], blocked: boolean): void {
  for (const name of names) {
    const index = cluster.existing(name);
    if (!index.open) throw cluster.error("rejected", `index [${name}] is closed`, 400);
    index.writeBlocked = blocked;
  }
}

export const uuidsOf = ({ indices }: SimCluster, names: readonly string[]): ReadonlyMap<string, string> =>
  new Map([...indices].filter(([name]) => names.includes(name)).map(([name, { uuid }]) => [name, uuid]));

export function liftFollowerBlocks(cluster: SimCluster, names: readonly string[]): void {
  for (const name of names) cluster.existing(name).writeBlocked = false;
}

export function setWriteIndex(cluster: SimCluster, alias: string, name: string): void {
  for (const index of cluster.indices.values()) {
    for (const membership of index.aliases) {
      if (membership.alias === alias) membership.isWriteIndex = index.name === name;
    }
  }
}

export function setAutoFollowActive(cluster: SimCluster, name: string, active: boolean): void {
  const pattern = cluster.autoFollowPatterns.get(name);
  if (pattern === undefined) throw cluster.error("not-found", `no auto-follow pattern [${name}]`, 404);
  cluster.autoFollowPatterns.set(name, { ...pattern, active });
}

export function probeWrite(cluster: SimCluster, name: string): void {
  const { open, writeBlocked, following } = cluster.existing(name);
  if (!cluster.isWell()) throw cluster.error("rejected", "no active primary", 503);
  if (!open) throw cluster.error("rejected", `index [${name}] is closed`, 400);
  if (writeBlocked) throw cluster.error("rejected", `index [${name}] blocked by: FORBIDDEN/8/index write`, 403);
  if (following !== null) {
    const refusal = "a following engine does not accept operations without an assigned sequence number";
    throw cluster.error("rejected", refusal, 403);
  }
}

export const isStarting = ({ world }: SimCluster, { startingUntilMs }: SimIndex) => startingUntilMs > world.nowMs;

export const indexStates = (cluster: SimCluster): readonly IndexState[] =>
  [...cluster.indices.values()].map((index) => ({
    name: index.name,
    uuid: index.uuid,
    createdAtMs: index.createdMs,
    open: index.open,
    primaries: 1,
    primariesActive: cluster.ailments.red || isStarting(cluster, index) ? 0 : 1,
    aliases: [...index.aliases],
    dataStream: null,
    writeBlocked: index.writeBlocked,
    following: index.following !== null,
    firstCopy: null,
  }));

export function checkpointOf(cluster: SimCluster, name: string): ShardCheckpoint {
  const last = cluster.existing(name).operations.length - 1;
  return { index: name, shard: 0, globalCheckpoint: last, maxSeqNo: last };
}

export const followers = ({ indices, world }: SimCluster): readonly Follower[] =>
  [...indices.values()].flatMap(({ name, following, operations }) => {
    if (following === null) return [];
    const { remote, leaderIndex, leaderUuid, status, leaderCheckpoint, lastReadMs, readError, fatal } = following;
    const shard = {
      shard: 0,
      followerCheckpoint: operations.length - 1,
      leaderCheckpointLastKnown: Math.max(leaderCheckpoint, operations.length - 1),
      millisSinceLastRead: world.nowMs - lastReadMs,
      failedWrites: 0,
      reads: 1,
      failedReads: readError === null ? 0 : 1,
      readErrors: readError === null ? [] : [readError],
      fatalError: fatal,
    };
    return [
      {
        index: name,
        leaderIndex,
        leaderUuid,
        remoteCluster: remote,
        status,
        shards: status === "paused" ? [] : [shard],
      },
    ];
  });
