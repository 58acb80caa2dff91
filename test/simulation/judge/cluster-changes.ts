import { stepOf } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { isCompleteCopy } from "../world/cluster/index-state.ts";
import type { Region } from "../world/layout.ts";
import { otherRegion } from "../world/layout.ts";
import { type Evidence, summary } from "./evidence.ts";

/** A copy that ends between the last look and the deletion cannot be seen: Elasticsearch deletes on no condition. */
const UNSEEN_MS = 1_000;

/** Before every change that a watchdog makes to a cluster. */
export function checkChange(evidence: Evidence, region: Region, what: string, indices: readonly string[]): void {
  for (const index of indices) {
    if (what === "delete") checkDeletion(evidence, region, index);
    if (what === "unfollow") checkUnfollow(evidence, region, index);
    if (undoing.has(what)) checkLifecycle(evidence, region, index, what);
  }
}

/**
 * Invariant 5: what is deleted is in the other region, exported, deleted there by users, or discarded by an operator; in
 * a region that serves or is about to, only followers with nothing to be served are deleted: unfinished copies, and those
 * of a leader that was deleted and made again; and an index that the active region left out is kept in the other one until
 * it has joined.
 */
function checkDeletion({ system, absentLeaders }: Evidence, region: Region, name: string): void {
  const { world, record } = system;
  const index = system.cluster(region).indices.get(name);
  if (index === undefined || system.isDiscarded(index.uuid)) return;
  if (index.searchableSnapshot) world.report("5", `${name} of ${region} deleted, which is a searchable snapshot`);
  const endedMs = index.copiedAtMs === null ? 0 : world.nowMs - index.copiedAtMs;
  const isUnfinished = index.following !== null && (index.copy !== null || endedMs < UNSEEN_MS);
  const { leaderIndex, leaderUuid } = index.following ?? {};
  const leader = leaderIndex === undefined ? undefined : system.cluster(otherRegion(region)).indices.get(leaderIndex);
  const isOfDeletedLeader = leader !== undefined && leader.uuid !== leaderUuid;
  if (record !== null && isOrWillBeActive(record, region) && !isUnfinished && !isOfDeletedLeader) {
    world.report("5", `${name} of ${region} deleted while ${summary(record)}`);
  }
  const isToJoin = record?.phase === "serving" && record.lastFailover?.toJoin?.indices.includes(name);
  if (isToJoin && record.active !== region && index.following === null) {
    world.report("5", `${name} of ${region} deleted before ${record.active} serves it`);
  }
  if (system.cluster(region).lacksNodeOf(index)) {
    world.report("5", `${name} of ${region} deleted, whose copy is on a node that is away`);
  }
  const absentMs = world.nowMs - (absentLeaders.sinceMs(index.uuid) ?? world.nowMs);
  const isLeaderGone = index.following !== null && !system.cluster(otherRegion(region)).indices.has(name);
  if (isLeaderGone && !isUnfinished && absentMs < system.config.replication.deletedLeaders.deleteAfterMs) {
    world.report("5", `${name} of ${region} deleted ${absentMs} ms after its leader`);
  }
  const there = system.cluster(otherRegion(region)).operations();
  const isKept = (id: string) => there.has(id) || system.isSalvaged(id) || system.wiped.has(id);
  const lost = index.operations.filter((id) => !isKept(id));
  if (lost.length > 0) world.report("5", `${name} of ${region} deleted with ${lost.length} operations of its own`);
}

/** A request of the reconciliation may still be under way as a change begins: only the promotion's own deletions count. */
function isOrWillBeActive(record: StateRecord, region: Region): boolean {
  if (record.phase === "serving") return record.active === region;
  if (record.phase === "closing" || record.to !== region) return false;
  return stepOf(record.plan, "discard-copies")?.status === "running";
}

/** What would undo a step of index lifecycle management. */
const undoing: ReadonlySet<string> = new Set(["open", "resume follow", "follow"]);

/** While a region serves, nothing is done against index lifecycle management of the standby. */
function checkLifecycle({ system }: Evidence, region: Region, name: string, what: string): void {
  const { world, record } = system;
  const index = system.cluster(region).indices.get(name);
  const source = system.cluster(otherRegion(region)).indices.get(name);
  const isStandby = record?.phase === "serving" && record.active !== region && record.plan === null;
  const sinceMs = index?.unfollowingSinceMs ?? null;
  if (!isStandby || index === undefined || source === undefined || sinceMs === null) return;
  // A request may be under way as it begins.
  if (world.nowMs - sinceMs < UNSEEN_MS) return;
  // Elasticsearch refuses to follow over an open index.
  if (what === "follow" && index.open) return;
  if (isCompleteCopy(index, source)) {
    world.report("ilm", `${what} of ${name} in ${region}, while its following ends as it is complete`);
  }
}

/** Invariant 6: a follower is detached only where the record has it. */
function checkUnfollow({ system }: Evidence, region: Region, name: string): void {
  const { world, record } = system;
  if (record === null) return;
  const isUnderWay =
    record.phase === "promoting" &&
    record.plan.steps.some(({ kind, status }) => kind === "unfollow" && status !== "pending");
  const isRepair = record.phase === "serving" && record.active === region;
  if (!isUnderWay && !isRepair) world.report("6", `${name} of ${region} unfollowed while ${summary(record)}`);
}
