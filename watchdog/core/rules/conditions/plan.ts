import type { RegionName } from "../../../config/address.ts";
import { currentStep, isIrreversible, type PlanKind, stepOf } from "../../state/plan.ts";
import type { ClosingRecord, PromotingRecord, ServingRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";
import { majoritySees } from "./majority.ts";

export const noPlan: Condition<ServingRecord> = ({ record: { plan } }) =>
  plan === null ? null : `a ${plan.kind} is under way`;

export const planIs =
  (...kinds: readonly PlanKind[]): Condition<ServingRecord | PromotingRecord> =>
  ({ record: { plan } }) =>
    plan !== null && kinds.includes(plan.kind) ? null : `no ${kinds.join(" or ")} is under way`;

export const changeIs =
  (change: ClosingRecord["change"]): Condition<ClosingRecord> =>
  ({ record }) =>
    record.change === change ? null : `this is a ${record.change}`;

export const planDone: Condition<ServingRecord | PromotingRecord> = ({ record: { plan } }) => {
  const step = plan === null ? null : currentStep(plan);
  return step === null ? null : `${step.kind} is ${step.status}`;
};

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
