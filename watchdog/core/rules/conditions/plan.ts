import type { RegionName } from "../../../config/address.ts";
import { isProbed } from "../../state/health.ts";
import { currentStep, isIrreversible, type PlanKind, stepOf } from "../../state/plan.ts";
import type { ClosingRecord, PromotingRecord, ServingRecord } from "../../state/record.ts";
import type { Situation } from "../../state/situation.ts";
import { closedForMs } from "../../state/stuck.ts";
import type { Condition } from "../rule.ts";
import { majoritySees } from "./majority.ts";
import { overdue, stepStuck } from "./stuck.ts";

export const noPlan: Condition<ServingRecord> = ({ record: { plan } }) =>
  plan === null ? null : `a ${plan.kind} is under way`;

export const planIs =
  (...kinds: readonly PlanKind[]): Condition<ServingRecord | PromotingRecord> =>
  ({ record: { plan } }) =>
    plan !== null && kinds.includes(plan.kind) ? null : `no ${kinds.join(" or ")} is under way`;

export const changeIs =
  (change: ClosingRecord["change"]): Condition<ClosingRecord> =>
  ({ record }) =>
    record.change === change ? null : `the change is a ${record.change}`;

export const planDone: Condition<ServingRecord | PromotingRecord> = ({ record: { plan } }) => {
  const step = plan === null ? null : currentStep(plan);
  return step === null ? null : `step ${step.kind} is ${step.status}`;
};

/** "12 s of at most 45 s" */
export function writePause(s: Situation<ClosingRecord | PromotingRecord>): string {
  const seconds = (ms: number) => Math.round(ms / 1000);
  return `${seconds(closedForMs(s))} s of at most ${seconds(s.config.switchover.maxWritePauseMs)} s`;
}

/**
 * Holds when a switchover has to end: writers have waited too long, or a region that it needs is lost. Once the standby
 * is proven to have every write, the old region is no longer needed, so the switchover turns back only if the old region
 * is healthy; and once followers were detached, which costs a new copy of them, only if the new region is lost or does not
 * get on.
 */
export const switchoverHopeless: Condition<ClosingRecord | PromotingRecord> = (s) => {
  const { record } = s;
  const is = (region: RegionName, state: "healthy" | "unhealthy") => majoritySees(s, region, state) === null;
  const catchUp = record.phase === "promoting" ? stepOf(record.plan, "catch-up") : null;
  const tooLong = isPauseOver(s);
  const mayTurnBack = record.phase === "closing" || !isIrreversible(record.plan) || isStuck({ ...s, record });
  const isHopeless =
    catchUp?.status === "done"
      ? is(record.from, "healthy") && ((tooLong && mayTurnBack) || is(record.to, "unhealthy"))
      : tooLong || catchUp?.status === "failed" || is(record.from, "unhealthy") || is(record.to, "unhealthy");
  return isHopeless ? null : `it continues: writes have been stopped for ${writePause(s)}`;
};

const isPauseOver = (s: Situation<ClosingRecord | PromotingRecord>) =>
  closedForMs(s) > s.config.switchover.maxWritePauseMs;

const isStuck = (s: Situation<PromotingRecord>) => overdue(s) === null && stepStuck(s) === null;

/**
 * Holds while it is unknown whether an overdue switchover turns back: a controller that has just started has not probed
 * the old region, and the next step may be the irreversible one.
 */
export const turningBackUndecided: Condition<PromotingRecord> = (s) => {
  const { record, seen } = s;
  const isUnprobed = !isProbed(seen.health[record.from]);
  const holds = record.plan.kind === "switchover" && isPauseOver(s) && isUnprobed && !isIrreversible(record.plan);
  return holds ? null : `no overdue switchover waits for a probe of ${record.from}`;
};
