import { stepOf } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { RecordWrite } from "../world/record-cell.ts";
import { type Evidence, summary } from "./evidence.ts";
import { checkPromoted } from "./promotions.ts";

/** Between what is true and what a watchdog has observed of it: a probe or snapshot, its bound, and a replication round. */
const OBSERVATION_MS_MAX = 8_000;

/** For how long a decision that was right when it was made may wait in a slow store. */
const DECISION_UNDER_WAY_MS_MAX = 25_000;

/** Before every write of the record. */
export function checkWrite(evidence: Evidence, write: RecordWrite): void {
  const { before, after, rule } = write;
  if (rule === "fill-store-from-copy") checkFilled(evidence, after);
  else if (before === null) checkFirst(evidence, after);
  else checkChanged(evidence, before, write);
  evidence.highestEpoch = Math.max(evidence.highestEpoch, after.epoch);
}

function checkFilled({ system, highestEpoch }: Evidence, { epoch }: StateRecord): void {
  // A majority of several watchdogs may have kept the closing alone: one epoch before the last.
  const lowest = system.stations.length === 1 ? highestEpoch : highestEpoch - 1;
  if (epoch < lowest) system.world.report("4", `the store was filled with epoch ${epoch} after ${highestEpoch}`);
}

function checkFirst({ system, highestEpoch }: Evidence, { epoch }: StateRecord): void {
  if (epoch < highestEpoch) system.world.report("4", `epoch ${epoch} after ${highestEpoch}`);
}

function checkChanged(evidence: Evidence, before: StateRecord, write: RecordWrite): void {
  const { after } = write;
  const { world } = evidence.system;
  if (after.epoch < before.epoch) world.report("4", `epoch ${after.epoch} written over ${before.epoch}`);
  if (after.sequence <= before.sequence) world.report("4", `sequence ${after.sequence} after ${before.sequence}`);
  if (isVerifying(after) && !isVerifying(before)) evidence.verifications.push(world.nowMs);
  if (before.epoch === after.epoch && before.phase === after.phase) return;
  checkTransition(evidence, before, after);
  checkTrust(evidence, write);
  if (after.phase === "closing") {
    checkClosing(evidence, before, after);
    checkHooks(evidence, write, after);
  }
  const open = evidence.system.openRegions();
  if (after.phase === "promoting" && open.length > 0) {
    world.report("2", `promotion begins while a router is open to ${open.join()}`);
  }
  if (before.phase === "promoting" && after.phase === "serving" && after.active === before.to) {
    checkPromoted(evidence, before, after);
  }
}

/** No change begins before its hooks have ended, nor against them, unless an operator forces it. */
function checkHooks(
  { system: { hooks, world } }: Evidence,
  { process }: RecordWrite,
  { epoch, automatic, change }: Extract<StateRecord, { phase: "closing" }>,
): void {
  const end = hooks.lastEnd(process);
  if (end?.epoch !== epoch)
    world.report("hooks", `a ${change} under epoch ${epoch} begins before its hooks have ended`);
  const mayBeForced = !automatic && change === "failover";
  if (end?.refused && !mayBeForced)
    world.report("hooks", `a ${change} under epoch ${epoch} begins although a hook refused it`);
}

const isVerifying = (record: StateRecord) =>
  record.phase === "promoting" && stepOf(record.plan, "verify")?.status === "running";

/** closing-first, and the epoch goes up whenever the region that may accept writes changes. */
function checkTransition({ system }: Evidence, before: StateRecord, after: StateRecord): void {
  const transition = `${before.phase} → ${after.phase}`;
  const step = after.epoch - before.epoch;
  const allowed: Readonly<Record<string, number>> = {
    "serving → closing": 1,
    "closing → promoting": 0,
    "closing → serving": 1,
    "promoting → serving": 1,
  };
  if (allowed[transition] !== step) {
    system.world.report("closing-first", `${transition} with epoch ${before.epoch} → ${after.epoch}`);
  }
}

/** Invariant 11. */
function checkTrust({ system }: Evidence, { after, process: { untrustedSinceMs }, sentAtMs }: RecordWrite): void {
  if (untrustedSinceMs === null || sentAtMs < untrustedSinceMs) return;
  const { failThreshold, intervalMs } = system.config.checks;
  const wellForMs = system.world.nowMs - untrustedSinceMs;
  if (wellForMs < failThreshold * intervalMs) {
    const failed = `its self-check had to fail ${wellForMs} ms ago`;
    system.world.report("11", `${summary(after)} by a watchdog although ${failed}`);
  }
}

/** Invariant 12, and that no region is given up that is well. */
function checkClosing(
  { system, truth }: Evidence,
  before: StateRecord,
  after: Extract<StateRecord, { phase: "closing" }>,
): void {
  const { world, config } = system;
  if (!after.automatic && after.change === "failover") return;
  if (before.phase !== "serving" || before.standby !== "in-sync") {
    const state = before.phase === "serving" ? before.standby : before.phase;
    world.report("12", `automatic failover or switchover although the standby was ${state}`);
  }
  if (after.change === "switchover") return;
  // That the region has just become well again may be unobserved.
  const leaderWellMs = truth.leaderWellMs(world.nowMs - OBSERVATION_MS_MAX) ?? 0;
  const staleMs = leaderWellMs - (truth.inSyncMs ?? Number.NEGATIVE_INFINITY);
  if (staleMs > config.replication.maxReadAgeMs + OBSERVATION_MS_MAX) {
    const lastInSync = `truly in sync only ${staleMs} ms before the active region was last well`;
    world.report("12", `automatic failover to a standby that was ${lastInSync}`);
  }
  const wellForMs = world.nowMs - (truth.leaderUnwellMs ?? 0);
  if (wellForMs > DECISION_UNDER_WAY_MS_MAX) {
    world.report("health", `failover away from ${after.from}, which was well for ${wellForMs} ms`);
  }
}
