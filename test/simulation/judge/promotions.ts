import { stepOf } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { IndexUuid } from "../../../watchdog/core/state/record-fields.ts";
import { isCompleteCopy, takesWrites } from "../world/cluster/index-state.ts";
import type { Evidence } from "./evidence.ts";

type Promoting = Extract<StateRecord, { phase: "promoting" }>;
type Serving = Extract<StateRecord, { phase: "serving" }>;

/** A promotion has ended: the new region is about to be opened. */
export function checkPromoted(evidence: Evidence, before: Promoting, after: Serving): void {
  const { system, failovers, switchovers } = evidence;
  const { world, config } = system;
  if (before.change === "switchover") {
    switchovers.push(world.nowMs);
    checkSwitchedOver(evidence, before);
  } else if (before.automatic) {
    const last = failovers.at(-1);
    if (last !== undefined && world.nowMs - last < config.promotion.blockPeriodMs) {
      world.report("8", `a second automatic failover ${world.nowMs - last} ms after the last one`);
    }
    failovers.push(world.nowMs);
  }
  checkOpened(evidence, after);
  checkNamed(evidence, before, after);
  checkNotMissing(evidence, before, after);
  checkAliases(evidence, before, after);
  checkLossEstimate(evidence, before, after);
}

/** Invariant 9: whatever the old region holds, the new one has. */
function checkSwitchedOver({ system }: Evidence, { from, to }: Promoting): void {
  const [left, taken] = [system.cluster(from).operations(), system.cluster(to).operations()];
  const lost = system.clients.acknowledged.filter(({ id }) => left.has(id) && !taken.has(id));
  if (lost.length > 0) {
    const which = `${lost.length} acknowledged writes are in ${from} alone`;
    system.world.report("9", `${which} after a switchover: ${lost[0]?.id}`);
  }
}

/** Invariant 6: no index of the new region is left closed or a follower, but those that are named and join later. */
function checkOpened({ system, verifications }: Evidence, { active, lastFailover }: Serving): void {
  const toJoin = lastFailover?.toJoin?.indices ?? [];
  const missing = lastFailover?.missingIndices ?? [];
  const ofDeleted = new Map(lastFailover?.leftOut.map(({ index, deletedLeader }) => [index, deletedLeader]));
  // A follower that auto-follow adds after the verification refuses writes until a repair, which invariant 7 demands.
  const verifiedAtMs = verifications.at(-1) ?? Number.NEGATIVE_INFINITY;
  for (const index of system.cluster(active).indices.values()) {
    const { name, following, copy, createdMs } = index;
    const open = index.open || index.isClosedByUsers;
    // An unfinished copy cannot be promoted: it has to be named.
    if ((following !== null && copy !== null) || toJoin.includes(name)) continue;
    // A copy of a deleted leader may not be served: where it cannot be deleted, because a snapshot holds it, it stays a follower.
    if (following !== null && following.leaderUuid === ofDeleted.get(name)) continue;
    // Lifecycle management had unfollowed and closed it, before the old region was seen to have it marked as complete: whether it
    // is cannot be told while it is closed, so that it counts as lost, and is opened by lifecycle management.
    if (following === null && missing.includes(name)) continue;
    if ((following !== null && createdMs < verifiedAtMs) || !open) {
      const state = following === null ? "closed" : "a follower";
      system.world.report("6", `${active} was opened although ${name} is ${state}`);
    }
  }
}

/** Invariant 13: the record names each index that the old region was last seen to have and that the new one cannot serve. */
function checkNamed({ system }: Evidence, { from, to, leaderSight }: Promoting, { lastFailover }: Serving): void {
  const indices = system.cluster(to).indices;
  const named = lastFailover?.missingIndices ?? [];
  const unnamed = (leaderSight?.indices ?? []).filter((name) => {
    const index = indices.get(name);
    return (index === undefined || index.copy !== null) && !named.includes(name);
  });
  if (unnamed.length > 0) {
    const what = `${unnamed.join()} of ${from}: not in ${to}, and not named`;
    system.world.report("13", `${what} (${named.join()} are)`);
  }
}

/** What the new region has all of, by what was known of the old one, is not named as missing. */
function checkNotMissing({ system }: Evidence, { from, to, leaderSight }: Promoting, { lastFailover }: Serving): void {
  for (const { index: position } of leaderSight?.indexingComplete ?? []) {
    const name = leaderSight?.indices[position] ?? "";
    const [source, copy] = [system.cluster(from).indices.get(name), system.cluster(to).indices.get(name)];
    if (source === undefined || copy === undefined || !isCompleteCopy(copy, source)) continue;
    if (lastFailover?.missingIndices.includes(name)) {
      system.world.report("loss", `${name} is said to be missing in ${to}, which has all of it`);
    }
  }
}

/**
 * Every alias of the old region that accepted writes when it was last seen accepts them in the new one, if it can, or is named: a
 * copy that lifecycle management unfollowed before the old region was seen to have it marked as complete counts as lost. A name
 * excuses no alias of an index that the change promoted.
 */
function checkAliases({ system }: Evidence, { to, leaderSight, plan }: Promoting, { lastFailover }: Serving): void {
  const named = new Set(lastFailover?.leftOut.map(({ index }) => index));
  const promoted = new Set(stepOf(plan, "verify")?.indices);
  const cluster = system.cluster(to);
  for (const { alias, index } of leaderSight?.writeAliases ?? []) {
    const chosen = cluster.indices.get(index);
    const canWrite = chosen !== undefined && chosen.copy === null && takesWrites(chosen);
    const isExcused = named.has(alias) && !promoted.has(index);
    if (canWrite && !isExcused && cluster.writeIndexOf(alias) === null) {
      system.world.report("alias", `${alias} accepts no writes in ${to}, although ${index} does`);
    }
  }
}

/** The lower bound of the estimate is not above the truth. */
function checkLossEstimate({ system }: Evidence, { from, leaderSight }: Promoting, { lastFailover }: Serving): void {
  const { world } = system;
  if (lastFailover === null) {
    world.report("loss", "a failover without a loss estimate");
    return;
  }
  const { checkpoints, loss, uuids } = lastFailover;
  const uuidOf = (list: readonly IndexUuid[] | undefined, index: string) =>
    list?.find((entry) => entry.index === index)?.uuid;
  for (const { index, shard, globalCheckpoint } of checkpoints) {
    const holder = system.cluster(from).indices.get(index);
    // Users deleted it since.
    if (holder?.uuid !== uuidOf(leaderSight?.uuids, index)) continue;
    const held = (holder?.operations.length ?? 0) - 1;
    // A checkpoint of an earlier index of that name counts nothing of this one.
    const reached = uuidOf(uuids, index) === holder?.uuid ? globalCheckpoint : -1;
    const atLeast = loss.shards.find((entry) => entry.index === index && entry.shard === shard)?.atLeast ?? 0;
    const lost = held - reached;
    if (lost < atLeast) {
      world.report("loss", `${index}: at least ${atLeast} operations are said to be lost, but only ${lost} are`);
    }
  }
}
