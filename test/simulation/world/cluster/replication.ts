import type { SimCluster } from "./cluster.ts";
import { advanceCopy, beginCopy } from "./first-copy.ts";
import { type Following, newTask, type SimIndex } from "./index-state.ts";

/** From auto-follow's choice of an index until it is a follower in the cluster's state. */
const AUTO_FOLLOW_TAKES_MS = 3_000;
/** Between the end of a first copy and the start of the follower's task. */
const TASK_STARTS_MS_MAX = 300;
/** A follower has none of its leader's aliases at first. */
const ALIASES_COME_MS_MAX = 1_500;
/** The delay between two attempts to read is random, up to a bound that doubles. */
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 60_000;
/** Failed requests for the state of a leader that refuses connections. */
const AUTO_FOLLOW_FAILURES_PER_ROUND = 1_000;

/** What the line between the regions carries in one round. */
export interface LineRates {
  /** Operations per shard. */
  readonly operations: number;
  /** Of each first copy. */
  readonly kilobytes: number;
}

function sourceOf(task: Following, leader: SimCluster): SimIndex | null {
  const source = leader.indices.get(task.leaderIndex);
  return source?.uuid === task.leaderUuid ? source : null;
}

/** A follower whose first copy begins. The copy overwrites a closed index of that name, which keeps its UUID. */
export function startFollowing(cluster: SimCluster, name: string, leader: SimCluster): void {
  const { world } = cluster;
  const source = leader.indices.get(name);
  if (source === undefined) throw cluster.error("not-found", `no such index [${name}]`, 404);
  if (!source.open) throw cluster.error("rejected", `index_closed_exception [${name}]`, 400);
  if (source.searchableSnapshot) throw cluster.error("rejected", `[${name}] is a searchable snapshot index`, 400);
  const present = cluster.indices.get(name);
  if (present?.open) throw cluster.error("rejected", `an open index with same name already exists [${name}]`, 500);
  if (present !== undefined) cluster.changing.emit({ what: "delete", indices: [name] });
  const task = newTask({
    remote: leader.region,
    leader: source,
    nowMs: world.nowMs,
    checkpoint: -1,
    aliasesAtMs: Number.POSITIVE_INFINITY,
  });
  cluster.indices.set(name, {
    ...cluster.emptyIndex(name, present?.uuid),
    creationDateMs: source.creationDateMs,
    indexingComplete: source.indexingComplete,
    kilobytes: source.kilobytes,
    // Blocks come along, and stay when the leader's are gone.
    writeBlocked: source.writeBlocked,
    readOnly: source.readOnly,
    following: { ...task, status: "paused" },
    copy: beginCopy(source, world.nowMs, world.random),
  });
}

/** A follower that auto-follow had decided on before its leader was lost, and whose leader was empty, so it is complete. */
export function followLate(cluster: SimCluster, name: string, leader: SimCluster): void {
  leader.indices.set(name, leader.emptyIndex(name));
  startFollowing(cluster, name, leader);
  completeCopy(cluster, cluster.existing(name), leader);
}

/** One round of all first copies and follower tasks. */
export function replicate(cluster: SimCluster, leader: SimCluster, rates: LineRates): void {
  if (!cluster.isUp()) return;
  for (const index of cluster.indices.values()) {
    const task = index.following;
    if (task === null) continue;
    if (index.copy !== null) copy(cluster, index, leader, rates.kilobytes);
    else if (task.status === "active" && task.fatal === null && index.open && !cluster.lacksNodeOf(index)) {
      follow(cluster, index, task, leader, rates.operations);
    }
  }
}

function copy(cluster: SimCluster, index: SimIndex, leader: SimCluster, kilobytes: number): void {
  const { copy, following } = index;
  if (copy === null || following === null || copy.error !== null || copy.isForgotten) return;
  const { world } = cluster;
  const source = sourceOf(following, leader);
  const isThere = cluster.reachesRemote() && leader.isWell() && source?.open === true && source.copy === null;
  if (advanceCopy(copy, isThere, world.nowMs, kilobytes)) completeCopy(cluster, index, leader);
}

function completeCopy(cluster: SimCluster, index: SimIndex, leader: SimCluster): void {
  const { world } = cluster;
  const { copy } = index;
  if (copy === null) return;
  index.copy = null;
  index.copiedAtMs = cluster.world.nowMs;
  index.operations.push(...copy.operations);
  index.historyFrom = copy.operations.length;
  // The call that began to follow resumes the follower if no other call did; a refusal leaves it paused.
  world.after(world.random.between(0, TASK_STARTS_MS_MAX), () => {
    const isStillPaused = cluster.indices.get(index.name) === index && index.following?.status === "paused";
    if (isStillPaused && cluster.isWell() && resumeRefusal(cluster, index, leader) === null) startTask(cluster, index);
  });
}

/** Why a paused follower cannot be resumed; null when it can. */
export function resumeRefusal(cluster: SimCluster, index: SimIndex, leader: SimCluster): string | null {
  const { name, following, copy, open, readOnly } = index;
  if (following === null) return `index [${name}] is not a follower`;
  if (following.status === "active") return `resource_already_exists_exception: task for [${name}] already exists`;
  if (copy !== null) return `The primary shard of a follower index [${name}][0] is not active`;
  if (!open) return `leader and follow index must be open [${name}]`;
  if (readOnly) return `index [${name}] blocked by: [FORBIDDEN/5/index read-only (api)]`;
  if (!cluster.reachesRemote() || !leader.isUp()) return `can not fetch remote index [${name}] metadata`;
  const source = leader.indices.get(following.leaderIndex);
  if (source === undefined) return `no such index [${following.leaderIndex}]`;
  if (source.uuid !== following.leaderUuid) {
    return `follow index [${name}] should reference [${source.uuid}] as leader index but instead reference [${following.leaderUuid}]`;
  }
  return source.open ? null : `index_closed_exception [${source.name}]`;
}

/** Until its first read, a task knows no checkpoint of its leader but its own. */
export function startTask({ world }: SimCluster, index: SimIndex): void {
  const { following, operations } = index;
  if (following === null) return;
  const { remote, leaderIndex, leaderUuid } = following;
  index.following = newTask({
    remote,
    leader: { name: leaderIndex, uuid: leaderUuid },
    nowMs: world.nowMs,
    checkpoint: operations.length - 1,
    aliasesAtMs: world.nowMs + world.random.between(0, ALIASES_COME_MS_MAX),
  });
}

function follow(
  cluster: SimCluster,
  index: SimIndex,
  task: Following,
  leader: SimCluster,
  operationsMax: number,
): void {
  const { nowMs } = cluster.world;
  // A line that is cut drops everything: nothing fails, and only the time since the last read grows.
  if (!cluster.isLinked() || task.retryAtMs > nowMs) return;
  const source = sourceOf(task, leader);
  const unread = readFailure(cluster, leader, source);
  if (unread !== null) {
    failRead(cluster, task, unread);
    return;
  }
  if (source === null) {
    task.fatal = `index_not_found_exception: no such index [${task.leaderIndex}]`;
    return;
  }
  if (index.operations.length < source.historyFrom) {
    task.fatal = "Operations are no longer available for replicating. Existing retention leases []";
    return;
  }
  task.readError = null;
  task.retries = 0;
  task.reads += 1;
  task.lastReadMs = nowMs;
  task.leaderCheckpoint = source.operations.length - 1;
  index.indexingComplete = source.indexingComplete;
  if (nowMs >= task.aliasesAtMs) index.aliases = source.aliases.map(({ alias }) => ({ alias, isWriteIndex: false }));
  const from = index.operations.length;
  const behind = source.operations.slice(from, from + operationsMax);
  if (index.writeBlocked || index.readOnly) task.failedWrites += behind.length > 0 ? 1 : 0;
  else index.operations.push(...behind);
}

function readFailure(cluster: SimCluster, leader: SimCluster, source: SimIndex | null): string | null {
  if (!leader.isUp() || !cluster.reachesRemote()) return "connect_transport_exception: connection refused";
  if (!leader.isWell()) return "no_shard_available_action_exception";
  return source !== null && !source.open ? "cluster_block_exception: index closed" : null;
}

function failRead({ world }: SimCluster, task: Following, error: string): void {
  task.readError = error;
  task.failedReads += 1;
  task.retries += 1;
  task.lastReadMs = world.nowMs;
  const longestMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (task.retries - 1));
  task.retryAtMs = world.nowMs + world.random.between(0, longestMs);
}

const isFollowable = ({ open, searchableSnapshot }: SimIndex) => open && !searchableSnapshot;

/** One round of auto-follow: takes only indices created after the pattern. */
export function autoFollow(cluster: SimCluster, leader: SimCluster): void {
  const { world } = cluster;
  const patterns = [...cluster.autoFollowPatterns.values()].filter(({ active }) => active);
  if (!cluster.isWell() || !cluster.reachesRemote()) return;
  if (patterns.length > 0 && !leader.isUp()) cluster.autoFollowFailures += AUTO_FOLLOW_FAILURES_PER_ROUND;
  if (!leader.isWell()) return;
  for (const { sinceMs } of patterns) {
    for (const source of leader.indices.values()) {
      if (source.createdMs < sinceMs || cluster.indices.has(source.name) || !isFollowable(source)) continue;
      // Decided now, done later, even if the pattern is paused in between.
      world.after(world.random.between(0, AUTO_FOLLOW_TAKES_MS), () => {
        const isThere = leader.indices.get(source.name)?.open && !cluster.indices.has(source.name);
        if (isThere && cluster.isWell() && leader.isWell() && cluster.reachesRemote()) {
          startFollowing(cluster, source.name, leader);
        }
      });
    }
  }
}
