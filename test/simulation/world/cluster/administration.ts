import type { SimCluster } from "./cluster.ts";
import type { Following, SimIndex } from "./index-state.ts";
import { resumeRefusal, startTask } from "./replication.ts";

/** What a cluster does at the request of a watchdog, with the refusals of the real one. */

function taskOf(cluster: SimCluster, name: string): Following {
  const task = cluster.existing(name).following;
  if (task === null) throw cluster.error("rejected", `index [${name}] is not a follower`, 400);
  return task;
}

/** A `read_only` block that came from the leader refuses everything about the follower but its own removal. */
function assertNotReadOnly(cluster: SimCluster, { name, readOnly }: SimIndex): void {
  if (readOnly) throw cluster.error("rejected", `index [${name}] blocked by: [FORBIDDEN/5/index read-only (api)]`, 403);
}

export function pauseFollow(cluster: SimCluster, name: string): void {
  const task = taskOf(cluster, name);
  assertNotReadOnly(cluster, cluster.existing(name));
  if (task.status === "paused") throw cluster.error("rejected", `no shard follow tasks for [${name}]`, 400);
  task.status = "paused";
  task.fatal = null;
}

export function resumeFollow(cluster: SimCluster, name: string, leader: SimCluster): void {
  const index = cluster.existing(name);
  const refusal = resumeRefusal(cluster, index, leader);
  if (refusal !== null) throw cluster.error("rejected", refusal, index.readOnly ? 403 : 400);
  startTask(cluster, index);
}

/** True when it removed the retention leases from the leader, too: an index that is gone has none. */
export function unfollow(cluster: SimCluster, name: string, leader: SimCluster): boolean {
  const index = cluster.existing(name);
  const task = taskOf(cluster, name);
  if (index.open) throw cluster.error("rejected", `cannot convert the follower index [${name}]: not closed`, 400);
  if (task.status !== "paused") throw cluster.error("rejected", `cannot convert [${name}]: not paused`, 400);
  index.following = null;
  return leader.indices.get(task.leaderIndex)?.uuid === task.leaderUuid;
}

/** Elasticsearch refuses the whole request for one such index. */
function assertNotInSnapshot(cluster: SimCluster, what: string, { name, snapshotUntilMs }: SimIndex): void {
  if (snapshotUntilMs <= cluster.world.nowMs) return;
  throw cluster.error("rejected", `Cannot ${what} indices that are being snapshotted: [[${name}]]`, 400);
}

export function setOpen(cluster: SimCluster, names: readonly string[], open: boolean): void {
  const indices = names.map((name) => cluster.existing(name));
  for (const index of indices) {
    assertNotReadOnly(cluster, index);
    const isRestored = index.copy !== null && index.copy.error === null && !index.copy.isForgotten;
    if (!open && isRestored) {
      throw cluster.error("rejected", `Cannot close indices that are being restored: [[${index.name}]]`, 400);
    }
    if (!open) assertNotInSnapshot(cluster, "close", index);
  }
  for (const index of indices) {
    if (!open && index.following?.status === "active") index.following.fatal = "index was closed";
    index.open = open;
    index.startingUntilMs = cluster.world.nowMs + cluster.ailments.shardsStartMs;
  }
}

export function deleteIndices(cluster: SimCluster, names: readonly string[]): void {
  const indices = names.map((name) => cluster.existing(name));
  for (const index of indices) {
    assertNotReadOnly(cluster, index);
    assertNotInSnapshot(cluster, "delete", index);
  }
  cluster.changing.emit({ what: "delete", indices: names });
  for (const { name, uuid, following } of indices) {
    if (following?.status === "active") cluster.leftBehind.add(uuid);
    cluster.indices.delete(name);
  }
}

export function setWriteBlock(cluster: SimCluster, names: readonly string[], blocked: boolean): void {
  for (const name of names) {
    const index = cluster.existing(name);
    if (!index.open) throw cluster.error("rejected", `index [${name}] is closed`, 400);
    index.writeBlocked = blocked;
  }
}

export function liftFollowerBlocks(cluster: SimCluster, names: readonly string[]): void {
  for (const name of names) Object.assign(cluster.existing(name), { writeBlocked: false, readOnly: false });
}

export function setWriteIndex(cluster: SimCluster, alias: string, name: string): void {
  const target = cluster.existing(name);
  const former = [...cluster.indices.values()].filter(({ aliases }) =>
    aliases.some((one) => one.alias === alias && one.isWriteIndex),
  );
  for (const { name: changed, following } of [...former, target]) {
    const refusal = `index [${changed}] is a following index: its aliases are self-replicated`;
    if (following !== null) throw cluster.error("rejected", refusal, 403);
  }
  for (const index of former) {
    index.aliases = index.aliases.map((one) => (one.alias === alias ? { alias, isWriteIndex: false } : one));
  }
  target.aliases = [...target.aliases.filter((one) => one.alias !== alias), { alias, isWriteIndex: true }];
}

export function setAutoFollowActive(cluster: SimCluster, name: string, active: boolean): void {
  const pattern = cluster.autoFollowPatterns.get(name);
  if (pattern === undefined) throw cluster.error("not-found", `no auto-follow pattern [${name}]`, 404);
  cluster.autoFollowPatterns.set(name, { ...pattern, active });
}

export function probeWrite(cluster: SimCluster, name: string): void {
  const { open, writeBlocked, readOnly, following, copy } = cluster.existing(name);
  if (!cluster.isWell() || copy !== null) throw cluster.error("rejected", "no active primary", 503);
  if (!open) throw cluster.error("rejected", `index [${name}] is closed`, 400);
  if (!cluster.takesWrites()) throw cluster.error("rejected", `index [${name}]: writes are refused`, 503);
  if (writeBlocked || readOnly)
    throw cluster.error("rejected", `index [${name}] blocked by: FORBIDDEN/8/index write`, 403);
  if (following !== null) {
    const refusal = "a following engine does not accept operations without an assigned sequence number";
    throw cluster.error("rejected", refusal, 403);
  }
}
