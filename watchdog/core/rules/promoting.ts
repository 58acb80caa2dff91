import { exceptionsOf } from "../plans/describe-step.ts";
import { planUndo } from "../plans/switchover.ts";
import type { PromotingRecord } from "../state/record.ts";
import { deletedBeforeOf, returnedSentence } from "../state/returned.ts";
import { calledOff, promoted, turnedBack } from "../state/transitions.ts";
import { anyOf } from "./conditions/combine.ts";
import { majoritySees } from "./conditions/majority.ts";
import { planDone, planIs, switchoverHopeless, turningBackUndecided, writePause } from "./conditions/plan.ts";
import { closedTime, oldRegionServes, overdue, stepStuck } from "./conditions/stuck.ts";
import { progressOf } from "./plan-progress.ts";
import { type Condition, type RuleBody, unchanged } from "./rule.ts";
import { hopelessBecause } from "./switchover-end.ts";

/** Rules while a promotion, a switchover or its way back is carried out. */

export const promotionDone: RuleBody<"promoting"> = {
  scope: [planIs("promotion", "switchover")],
  conditions: [planDone],
  outcome: (s) => ({
    record: promoted(s.record, s.nowMs),
    actions: [],
    explanation: [
      `${s.record.to} is promoted and verified: routers open to it under epoch ${s.record.epoch + 1}`,
      ...exceptionsOf(s.record.plan),
      ...returnedSentence(s.record, deletedBeforeOf(s.record)),
    ].join("; "),
  }),
};

export const promotionUndone: RuleBody<"promoting"> = {
  scope: [planIs("promotion")],
  conditions: [(s) => majoritySees(s, s.record.to, "unhealthy"), oldRegionServes],
  outcome: (s) => {
    const { from, to, epoch } = s.record;
    const cause = `promotion of ${to} undone: it became unhealthy before routers opened to it`;
    return {
      record: calledOff(s.record, cause, s.nowMs),
      actions: [],
      explanation: `${cause} (${s.seen.health[to]?.reason}); ${from} is healthy, routers open to it under epoch ${epoch + 1}`,
    };
  },
};

/** What was detached rejoins as a former primary does. */
export const promotionGivenUp: RuleBody<"promoting"> = {
  scope: [planIs("promotion")],
  conditions: [overdue, stepStuck, oldRegionServes],
  outcome: (s) => {
    const { from, to, epoch, plan } = s.record;
    const cause = `promotion of ${to} given up after ${closedTime(s)}`;
    return {
      record: calledOff(s.record, cause, s.nowMs),
      actions: [],
      explanation: `${cause}, ${progressOf(plan)}; ${from} is healthy, routers open to it under epoch ${epoch + 1}`,
    };
  },
};

/** Blocks that are left keep their marks: a repair lifts them while the old region serves. */
const undoStuck: Condition<PromotingRecord> = (s) => overdue(s) ?? stepStuck(s);

export const switchoverUndone: RuleBody<"promoting"> = {
  scope: [planIs("undo")],
  conditions: [anyOf<PromotingRecord>(planDone, (s) => majoritySees(s, s.record.from, "unhealthy"), undoStuck)],
  outcome: (s) => {
    const { from, to, epoch } = s.record;
    const cause = `switchover to ${to} undone: no write was lost`;
    const isUnhealthy = majoritySees(s, from, "unhealthy") === null;
    const left = isUnhealthy ? `${from} is unhealthy` : `after ${closedTime(s)}, ${progressOf(s.record.plan)}`;
    const state = planDone(s) === null ? `${from} accepts writes again` : left;
    return {
      record: calledOff(s.record, cause, s.nowMs),
      actions: [],
      explanation: `${cause}; ${state}, routers open to it under epoch ${epoch + 1}`,
    };
  },
};

export const switchoverGivenUp: RuleBody<"promoting"> = {
  scope: [planIs("switchover")],
  conditions: [switchoverHopeless],
  outcome: (s) => ({
    record: turnedBack(s.record, planUndo(s.record, s.nowMs)),
    actions: [{ kind: "carry-out-plan" }],
    explanation: `switchover to ${s.record.to} turns back to ${s.record.from}: ${hopelessBecause(s)}`,
  }),
};

export const promotionWaits: RuleBody<"promoting"> = {
  scope: [planIs("promotion", "switchover")],
  conditions: [anyOf<PromotingRecord>((s) => majoritySees(s, s.record.to, "unhealthy"), turningBackUndecided)],
  outcome: (s) => {
    const { from, to } = s.record;
    const explanation =
      turningBackUndecided(s) === null
        ? `the switchover to ${to} waits for the first probe of ${from}, then it continues or turns back: writes have been stopped for ${writePause(s)}`
        : `the promotion of ${to} waits until ${to} answers: ${s.seen.health[to]?.reason}`;
    return unchanged(s.record, explanation);
  },
};

export const promotionGoesOn: RuleBody<"promoting"> = {
  conditions: [],
  outcome: ({ record }) => {
    const doing = record.plan.kind === "undo" ? `turning back to ${record.from}` : `promoting ${record.to}`;
    return unchanged(record, `${doing}, ${progressOf(record.plan)}`, "carry-out-plan");
  },
};
