import { describeStep } from "../plans/describe-step.ts";
import { planUndo } from "../plans/switchover.ts";
import { currentStep } from "../state/plan.ts";
import type { PromotingRecord } from "../state/record.ts";
import { calledOff, promoted, turnedBack } from "../state/transitions.ts";
import { anyOf } from "./conditions/combine.ts";
import { majoritySees } from "./conditions/majority.ts";
import { planDone, planIs, switchoverHopeless, turningBackUndecided } from "./conditions/plan.ts";
import { type RuleBody, unchanged } from "./rule.ts";
import { hopelessBecause } from "./switchover-end.ts";

export const promotionDone: RuleBody<"promoting"> = {
  scope: [planIs("promotion", "switchover")],
  conditions: [planDone],
  outcome: (s) => ({
    record: promoted(s.record, s.nowMs),
    actions: [],
    explanation: `${s.record.to} is promoted and verified: it accepts writes from epoch ${s.record.epoch + 1} on`,
  }),
};

export const promotionUndone: RuleBody<"promoting"> = {
  scope: [planIs("promotion")],
  conditions: [(s) => majoritySees(s, s.record.to, "unhealthy"), (s) => majoritySees(s, s.record.from, "healthy")],
  outcome: (s) => ({
    record: calledOff(
      s.record,
      `promotion of ${s.record.to} undone: it became unhealthy before it was opened`,
      s.nowMs,
    ),
    actions: [],
    explanation: `${s.record.to} became unhealthy, ${s.record.from} is well again: back to ${s.record.from}`,
  }),
};

export const switchoverUndone: RuleBody<"promoting"> = {
  scope: [planIs("undo")],
  conditions: [anyOf<PromotingRecord>(planDone, (s) => majoritySees(s, s.record.from, "unhealthy"))],
  outcome: (s) => ({
    record: calledOff(s.record, `switchover to ${s.record.to} undone: it lost nothing`, s.nowMs),
    actions: [],
    explanation: `nothing was written to ${s.record.to}: back to ${s.record.from}`,
  }),
};

export const switchoverGivenUp: RuleBody<"promoting"> = {
  scope: [planIs("switchover")],
  conditions: [switchoverHopeless],
  outcome: (s) => ({
    record: turnedBack(s.record, planUndo(s.record.plan, s.nowMs)),
    actions: [{ kind: "carry-out-plan" }],
    explanation: `switchover to ${s.record.to} given up: ${hopelessBecause(s)}`,
  }),
};

export const promotionWaits: RuleBody<"promoting"> = {
  scope: [planIs("promotion", "switchover")],
  conditions: [anyOf<PromotingRecord>((s) => majoritySees(s, s.record.to, "unhealthy"), turningBackUndecided)],
  outcome: (s) => {
    const { from, to } = s.record;
    const region = turningBackUndecided(s) === null ? from : to;
    return unchanged(s.record, `the promotion of ${to} waits: ${region} is ${s.seen.health[region]?.reason}`);
  },
};

export const promotionGoesOn: RuleBody<"promoting"> = {
  conditions: [],
  outcome: (s) => {
    const step = currentStep(s.record.plan);
    const failed = step?.error ? `; last attempt failed: ${step.error}` : "";
    const doing = s.record.plan.kind === "undo" ? `going back to ${s.record.from}` : `promoting ${s.record.to}`;
    return unchanged(s.record, `${doing}: ${step === null ? "done" : describeStep(step)}${failed}`, "carry-out-plan");
  },
};
