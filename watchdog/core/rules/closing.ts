import { planPromotion } from "../plans/promotion.ts";
import { planSwitchover } from "../plans/switchover.ts";
import type { Plan } from "../state/plan.ts";
import type { ClosingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { calledOff, promoting } from "../state/transitions.ts";
import { majorityKnows, majoritySees } from "./conditions/majority.ts";
import { changeIs, switchoverHopeless } from "./conditions/plan.ts";
import { routersClosed } from "./conditions/routers.ts";
import { promotableBlocker } from "./conditions/standby.ts";
import { blockersOf, type RuleBody, unchanged } from "./rule.ts";
import { hopelessBecause } from "./switchover-end.ts";

export const closingCalledOff: RuleBody<"closing"> = {
  scope: [changeIs("failover")],
  conditions: [
    ({ record }) => (record.automatic ? null : "an operator asked for it"),
    (s) => majoritySees(s, s.record.from, "healthy"),
  ],
  outcome: (s) => ({
    record: calledOff(s.record, `failover called off: ${s.record.from} is healthy again`, s.nowMs),
    actions: [],
    explanation: `${s.record.from} is healthy again and nothing was promoted: it goes on`,
  }),
};

export const switchoverCalledOff: RuleBody<"closing"> = {
  scope: [changeIs("switchover")],
  conditions: [switchoverHopeless],
  outcome: (s) => ({
    record: calledOff(s.record, `switchover to ${s.record.to} called off: ${hopelessBecause(s)}`, s.nowMs),
    actions: [],
    explanation: `switchover to ${s.record.to} called off: ${hopelessBecause(s)}`,
  }),
};

export const beginPromotion: RuleBody<"closing"> = {
  conditions: [
    routersClosed,
    majorityKnows,
    (s) => majoritySees(s, s.record.to, "healthy"),
    (s) => promotableBlocker(s, s.record.to),
    ({ record, seen }) =>
      record.change === "failover" || seen.active?.region === record.from
        ? null
        : `${record.from} was not looked at since the switchover began`,
  ],
  outcome: (s) => ({
    record: promoting(s.record, changePlan(s), s.nowMs),
    actions: [{ kind: "carry-out-plan" }],
    explanation: `every router has closed: ${s.record.to} is promoted`,
  }),
};

export const closingWaits: RuleBody<"closing"> = {
  conditions: [],
  outcome: (s) => unchanged(s.record, `closing ${s.record.from}: ${blockersOf(beginPromotion, s)}`),
};

/** What a change is carried out by, from the newest looks. */
function changePlan({ record, seen, config, nowMs }: Situation<ClosingRecord>): Plan {
  const { standby, active } = seen;
  if (standby === null) throw new Error("begin-promotion without a look at the standby");
  const blocked = record.writeBlocks?.region === record.to ? record.writeBlocks.indices : [];
  if (record.change === "failover") {
    return planPromotion(record.from, standby, record.leaderSight, config, nowMs, blocked);
  }
  if (active === null) throw new Error("a switchover begins without a look at the region that is left");
  return planSwitchover(active, standby, record.leaderSight, config, nowMs, blocked);
}
