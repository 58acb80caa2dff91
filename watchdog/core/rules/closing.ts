import { exceptionsOf } from "../plans/describe-step.ts";
import { planPromotion } from "../plans/promotion.ts";
import { planSwitchover } from "../plans/switchover.ts";
import { indicesToBlock } from "../plans/write-blocks.ts";
import type { Plan } from "../state/plan.ts";
import type { ClosingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { closedForMs } from "../state/stuck.ts";
import { calledOff, promoting } from "../state/transitions.ts";
import { markedIndices } from "../state/write-blocks.ts";
import { majorityKnows, majoritySees } from "./conditions/majority.ts";
import { changeIs, switchoverHopeless } from "./conditions/plan.ts";
import { routersClosed } from "./conditions/routers.ts";
import { unpromotable } from "./conditions/standby.ts";
import { closedTime, oldRegionServes, overdue } from "./conditions/stuck.ts";
import { blockersOf, type Condition, type RuleBody, unchanged } from "./rule.ts";
import { hopelessBecause } from "./switchover-end.ts";

/** Rules while every router stops routing to the old region. */

/** An operator may have asked for a failover away from a healthy region: only one that cannot go on is called off. */
const automaticOrOverdue: Condition<ClosingRecord> = (s) => {
  if (s.record.automatic) return null;
  const blocker = overdue(s);
  return blocker === null ? null : `an operator asked for it, and ${blocker}`;
};

export const closingCalledOff: RuleBody<"closing"> = {
  scope: [changeIs("failover")],
  conditions: [automaticOrOverdue, oldRegionServes],
  outcome: (s) => {
    const { from, to, epoch, automatic } = s.record;
    const cause = automatic
      ? `failover called off: ${from} is healthy again`
      : `failover to ${to} called off after ${closedTime(s)}: ${blockersOf(beginPromotion, s)}; ${from} is healthy`;
    return {
      record: calledOff(s.record, cause, s.nowMs),
      actions: [],
      explanation: `${cause} and nothing was promoted; routers open to ${from} under epoch ${epoch + 1}`,
    };
  },
};

export const switchoverCalledOff: RuleBody<"closing"> = {
  scope: [changeIs("switchover")],
  conditions: [switchoverHopeless],
  outcome: (s) => {
    const { from, to, epoch } = s.record;
    const cause = `switchover to ${to} called off: ${hopelessBecause(s)}`;
    return {
      record: calledOff(s.record, cause, s.nowMs),
      actions: [],
      explanation: `${cause}; nothing was changed, routers open to ${from} under epoch ${epoch + 1}`,
    };
  },
};

export const beginPromotion: RuleBody<"closing"> = {
  conditions: [
    routersClosed,
    majorityKnows,
    (s) => majoritySees(s, s.record.to, "healthy"),
    // Without a licence a promotion still works: it was required before, where it was, and must not hold closed routers up.
    (s) => unpromotable(s, s.record.to),
    ({ record, seen }) =>
      record.change === "failover" || seen.active?.region === record.from
        ? null
        : `there is no snapshot of ${record.from} since the switchover began`,
  ],
  outcome: (s) => {
    const plan = planOf(s);
    const toBlock = s.record.change === "switchover" ? indicesToBlock(plan, s.seen.active?.indices ?? []) : [];
    return {
      record: promoting(s.record, plan, toBlock, s.nowMs),
      actions: [{ kind: "carry-out-plan" }],
      explanation: [
        `every router has closed: the promotion of ${s.record.to} begins, with ${plan.steps.length} steps`,
        ...exceptionsOf(plan),
      ].join("; "),
    };
  },
};

export const closingWaits: RuleBody<"closing"> = {
  conditions: [],
  outcome: (s) => {
    const waited = `for ${Math.round(closedForMs(s) / 1000)} s`;
    return unchanged(s.record, `closing ${s.record.from} ${waited}: ${blockersOf(beginPromotion, s)}`);
  },
};

/** The plan that carries out the change, from the newest snapshots. */
function planOf({ record, seen, config, nowMs }: Situation<ClosingRecord>): Plan {
  const { standby, active } = seen;
  if (standby === null) throw new Error("begin-promotion without a snapshot of the standby");
  const marked = markedIndices(record, record.to);
  if (record.change === "failover") {
    const detached = record.halfPromoted?.region === record.to ? record.halfPromoted.checkpoints : [];
    const names = [...new Set(detached.map(({ index }) => index))];
    return planPromotion(record.from, standby, record.leaderSight, config, nowMs, marked, names);
  }
  if (active === null) throw new Error("begin-promotion of a switchover without a snapshot of the old region");
  return planSwitchover(active, standby, record.leaderSight, config, nowMs, marked);
}
