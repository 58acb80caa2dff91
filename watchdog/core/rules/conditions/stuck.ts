import { currentStep } from "../../state/plan.ts";
import type { ClosingRecord, PromotingRecord } from "../../state/record.ts";
import type { Situation } from "../../state/situation.ts";
import { ATTEMPTS_UNTIL_STUCK, closedForMs, isOverdue } from "../../state/stuck.ts";
import type { Condition } from "../rule.ts";
import { majoritySees } from "./majority.ts";

/** Conditions about a change that keeps routers closed and does not get on. */

type ChangingRecord = ClosingRecord | PromotingRecord;

/** "62 s of at most 60 s" */
export function closedTime(s: Situation<ChangingRecord>): string {
  const seconds = (ms: number) => Math.round(ms / 1000);
  return `${seconds(closedForMs(s))} s of at most ${seconds(s.config.promotion.maxStuckMs)} s`;
}

export const overdue: Condition<ChangingRecord> = (s) =>
  isOverdue(closedForMs(s), s.config) ? null : `it has taken ${closedTime(s)} (promotion.maxStuckMs)`;

/**
 * Holds between two attempts of a step that keeps failing: one that takes long and gets on is not stuck, and an attempt under
 * way may still take effect. The executor writes the record before each attempt, so that none begins once it is given up.
 */
export const stepStuck: Condition<PromotingRecord> = ({ record: { plan } }) => {
  const step = currentStep(plan);
  if (step === null) return "every step is done";
  if (step.error === null) return `step ${step.kind} has not failed`;
  if (step.status === "running") return `an attempt of step ${step.kind} is under way`;
  return step.attempts >= ATTEMPTS_UNTIL_STUCK
    ? null
    : `step ${step.kind} has failed in fewer than ${ATTEMPTS_UNTIL_STUCK} attempts`;
};

/** Holds when the old region could serve again: a majority sees it healthy, and it has not been emptied. */
export const oldRegionServes: Condition<ChangingRecord> = (s) =>
  majoritySees(s, s.record.from, "healthy") ?? oldRegionEmptied(s);

/**
 * Why the old region counts as emptied; null when it does not: it answers, and lacks most of the indices that it was last
 * seen to have. A cluster that was built again is healthy, too.
 */
export function oldRegionEmptied({ record, seen }: Situation<ChangingRecord>): string | null {
  const probe = seen.health[record.from]?.lastProbe;
  const led = record.leaderSight?.indices.length ?? 0;
  if (!probe?.reachable || probe.managedIndices * 2 >= led) return null;
  return (
    `${record.from} has only ${probe.managedIndices} of the ${led} indices that it was last seen to have: going back ` +
    "would lose acknowledged writes"
  );
}
