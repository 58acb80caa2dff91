import type { RegionName } from "../../config/address.ts";
import { isFormerPrimary } from "../plans/rejoin.ts";
import type { Observations } from "../state/observations.ts";
import type { PlanKind } from "../state/plan.ts";
import { isIrreversible, stepOf } from "../state/plan.ts";
import type { ClosingRecord, PromotingRecord, ServingRecord, StateRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { otherRegion } from "../state/situation.ts";
import { majoritySees } from "./majority.ts";
import type { Condition } from "./rule.ts";
import { scope } from "./rule.ts";
import { inSyncBlocker, promotableBlocker } from "./standby.ts";

/** The conditions that rules are made of: null when one holds, else what stands in the way, as a sentence. */

export const standbyOf = (s: Situation<ServingRecord>) => otherRegion(s.config, s.record.active);

export const activeUnhealthy: Condition<ServingRecord> = (s) => majoritySees(s, s.record.active, "unhealthy");
export const standbyHealthy: Condition<ServingRecord> = (s) => majoritySees(s, standbyOf(s), "healthy");
export const standbyPromotable: Condition<ServingRecord> = (s) => promotableBlocker(s, standbyOf(s));
export const standbyInSync: Condition<ServingRecord> = (s) => inSyncBlocker(s);

export const notPaused: Condition<ServingRecord> = ({ record: { paused } }) =>
  paused === null ? null : `paused by ${paused.by}: ${paused.reason}`;

export const notInBlockPeriod: Condition<ServingRecord> = ({ record: { blockedUntilMs }, nowMs }) =>
  blockedUntilMs === null || nowMs >= blockedUntilMs
    ? null
    : `the last failover blocks another automatic one until ${new Date(blockedUntilMs).toISOString()}`;

/** A file store is this host's alone: another router would hear nothing of a change. */
export const oneRouter: Condition<ServingRecord> = ({ seen, config }) => {
  if (config.store.kind !== "file") return null;
  const others = (seen.routers ?? []).filter(({ router }) => router !== config.name);
  return others.length === 0
    ? null
    : `a file store serves one router, but ${others.map(({ router }) => router).join(", ")} took a lease as well`;
};

export const activeWell: Condition<ServingRecord> = ({ record, seen }) => {
  const health = seen.health[record.active];
  const wellNow = health !== undefined && health.lastGoodAtMs !== null && health.lastGoodAtMs === health.lastProbeAtMs;
  return wellNow ? null : `${record.active} is not well: ${health?.reason ?? "not probed yet"}`;
};

/** Rules ack-or-lease and promise. */
export const routersClosed: Condition<ClosingRecord> = ({ record, seen }) => {
  if (record.filledAtMs !== null) return "the store was filled from a copy: leases from before have to run out first";
  if (seen.promisedForMs > 0) {
    return `this watchdog has let a router go on without the store: its word binds it for ${seen.promisedForMs} ms more`;
  }
  if (seen.routers === null) return "the store does not say which routers hold a lease";
  const open = seen.routers.filter(({ acknowledgedEpoch }) => acknowledgedEpoch < record.epoch);
  return open.length === 0
    ? null
    : `${open.map(({ router }) => router).join(", ")} has not acknowledged epoch ${record.epoch} and still holds a lease`;
};

export const standbyStateIs =
  (...states: readonly ServingRecord["standby"][]): Condition<ServingRecord> =>
  ({ record }) =>
    states.includes(record.standby) ? null : `the standby is ${record.standby}, not ${states.join(" or ")}`;

/** A region that holds its own copies of managed indices is no empty standby: those must be salvaged first. */
export const standbyHoldsNothingOfItsOwn: Condition<ServingRecord> = (s) => {
  const standby = standbyOf(s);
  const look = s.seen.standby;
  if (look === null || look.region !== standby)
    return `${standby} was not looked at: ${s.seen.standbyError ?? "no answer yet"}`;
  const own = look.indices.filter(({ following }) => !following).map(({ name }) => name);
  return own.length === 0
    ? null
    : `${standby} holds ${own.length} managed indices of its own (${own.slice(0, 3).join(", ")}): they may hold writes that exist nowhere else`;
};

/** The opposite of a condition, for rules that exist because it does not hold. */
export function not<R extends StateRecord | null>(condition: Condition<R>, otherwise: string): Condition<R> {
  return (situation) => (condition(situation) === null ? otherwise : null);
}

/** Good checks in a row, by this watchdog's own looks: a region that is seen for the first time has proven nothing. */
export const standbyRecovered: Condition<ServingRecord> = (s) => {
  const standby = standbyOf(s);
  const successes = s.seen.health[standby]?.successesInARow ?? 0;
  const { recoveryThreshold } = s.config.checks;
  return successes >= recoveryThreshold
    ? majoritySees(s, standby, "healthy")
    : `${standby} has answered ${successes} of ${recoveryThreshold} good checks in a row`;
};

export const standbyWasPrimary: Condition<ServingRecord> = (s) =>
  isFormerPrimary(s.record, standbyOf(s)) ? null : `${standbyOf(s)} was not the active region before`;

export const noPlan: Condition<ServingRecord> = ({ record: { plan } }) =>
  plan === null ? null : `a ${plan.kind} is under way`;

export const planIs = (...kinds: readonly PlanKind[]): Condition<ServingRecord | PromotingRecord> =>
  scope(({ record: { plan } }) =>
    plan !== null && kinds.includes(plan.kind) ? null : `no ${kinds.join(" or ")} is under way`,
  );

export const changeIs = (change: ClosingRecord["change"]): Condition<ClosingRecord> =>
  scope(({ record }) => (record.change === change ? null : `this is a ${record.change}`));

/**
 * What ends a switchover: writers have waited too long, or a region is lost that it still needs. Once the standby is
 * proven to have everything the old region is not needed any more, so then it is only gone back to where that is sure to
 * serve; and once indices were cut loose, which costs a new copy of them, only for the loss of the new region.
 */
export const switchoverHopeless: Condition<ClosingRecord | PromotingRecord> = (s) => {
  const { record, config, nowMs } = s;
  const is = (region: RegionName, state: "healthy" | "unhealthy") => majoritySees(s, region, state) === null;
  const catchUp = record.phase === "promoting" ? stepOf(record.plan, "catch-up") : null;
  const pausedMs = nowMs - record.startedAtMs;
  const tooLong = pausedMs > config.switchover.maxWritePauseMs;
  const isCutLoose = record.phase === "promoting" && isIrreversible(record.plan);
  const isHopeless =
    catchUp?.status === "done"
      ? is(record.from, "healthy") && ((tooLong && !isCutLoose) || is(record.to, "unhealthy"))
      : tooLong || catchUp?.status === "failed" || is(record.from, "unhealthy") || is(record.to, "unhealthy");
  return isHopeless ? null : `it goes on, ${Math.round(pausedMs / 1000)} s after writes were stopped`;
};

/**
 * Holds while nobody can tell whether an overdue switchover turns back: a decider that has just started has not looked
 * at the region that was left, and the next step may be the one after which there is no way back.
 */
export const turningBackUndecided: Condition<PromotingRecord> = ({ record, seen, config, nowMs }) => {
  const isOverdue = nowMs - record.startedAtMs > config.switchover.maxWritePauseMs;
  const isUnseen = (seen.health[record.from]?.state ?? "unknown") === "unknown";
  const holds = record.plan.kind === "switchover" && isOverdue && isUnseen && !isIrreversible(record.plan);
  return holds ? null : "no overdue switchover of which it is open whether it turns back";
};

/** Holds when one of the conditions does. */
export function anyOf<R extends StateRecord | null>(...conditions: readonly Condition<R>[]): Condition<R> {
  return (situation) => {
    const blockers = conditions.map((condition) => condition(situation));
    return blockers.includes(null) ? null : blockers.join(", and ");
  };
}

export function comparisonBlocker(seen: Observations): string | null {
  const sync = seen.standby?.sync ?? null;
  if (sync === null) return "the two regions have not been compared yet";
  return sync.inSync ? null : sync.reasons.join("; ");
}
