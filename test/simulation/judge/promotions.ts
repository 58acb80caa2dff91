import type { StateRecord } from "../../../watchdog/core/state/record.ts";
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

/** Invariant 6: no index of the new region is left closed or a follower. */
function checkOpened({ system, verifications }: Evidence, { active }: Serving): void {
  // A follower that auto-follow adds after the verification refuses writes until a repair, which invariant 7 demands.
  const verifiedAtMs = verifications.at(-1) ?? Number.NEGATIVE_INFINITY;
  for (const { name, following, createdMs, open } of system.cluster(active).indices.values()) {
    if ((following !== null && createdMs < verifiedAtMs) || !open) {
      const state = following === null ? "closed" : "a follower";
      system.world.report("6", `${active} was opened although ${name} is ${state}`);
    }
  }
}

/** The lower bound of the estimate is not above the truth. */
function checkLossEstimate({ system }: Evidence, { from }: Promoting, { lastFailover }: Serving): void {
  const { world } = system;
  if (lastFailover === null) {
    world.report("loss", "a failover without a loss estimate");
    return;
  }
  const { checkpoints, loss } = lastFailover;
  for (const { index, shard, globalCheckpoint } of checkpoints) {
    const held = (system.cluster(from).indices.get(index)?.operations.length ?? 0) - 1;
    const atLeast = loss.shards.find((entry) => entry.index === index && entry.shard === shard)?.atLeast ?? 0;
    const lost = held - globalCheckpoint;
    if (lost < atLeast) {
      world.report("loss", `${index}: at least ${atLeast} operations are said to be lost, but only ${lost} are`);
    }
  }
}
