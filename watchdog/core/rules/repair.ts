import { planRepair, type RepairNeed, repairNeedOf } from "../plans/repair.ts";
import type { ServingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import { activeWell } from "./conditions/active.ts";
import { noPlan, planDone, planIs } from "./conditions/plan.ts";
import { progressOf } from "./plan-progress.ts";
import { type Condition, type RuleBody, unchanged } from "./rule.ts";

/** Rules about indices of the active region that refuse writes. */

/** Until then a write block whose request was cut off may still appear: bounded by the timeouts of requests. */
const WRITE_BLOCKS_FORGOTTEN_MS = 120_000;

function needOf({ record, seen }: Situation<ServingRecord>): RepairNeed | null {
  const { active } = seen;
  if (active === null || active.region !== record.active) return null;
  const need = repairNeedOf(record, active);
  return need.strays.length + need.blocked.length === 0 ? null : need;
}

const repairNeeded: Condition<ServingRecord> = (s) =>
  needOf(s) === null ? `no index of ${s.record.active} needs a repair` : null;

/** A rejoin gives way to a repair and starts over after it. */
const noPlanButRejoin: Condition<ServingRecord> = (s) => (planIs("rejoin")(s) === null ? null : noPlan(s));

const describeNeed = ({ strays, blocked }: RepairNeed) =>
  [
    strays.length === 0 ? [] : [`${strays.join(", ")} became a follower while the promotion ended`],
    blocked.length === 0 ? [] : [`${blocked.join(", ")} still has the write block of a switchover that was called off`],
  ]
    .flat()
    .join("; ");

export const repairDone: RuleBody<"serving"> = {
  scope: [planIs("repair")],
  conditions: [planDone],
  outcome: (s) => ({
    record: noted(s.record, { plan: null }),
    actions: [],
    explanation: `the repair of ${s.record.active} is done: every index accepts writes`,
  }),
};

export const repairGoesOn: RuleBody<"serving"> = {
  scope: [planIs("repair")],
  conditions: [],
  outcome: ({ record }) => {
    const progress = record.plan === null ? "" : `, ${progressOf(record.plan)}`;
    return unchanged(record, `repairing ${record.active}${progress}`, "carry-out-plan");
  },
};

export const repairBegins: RuleBody<"serving"> = {
  conditions: [noPlanButRejoin, repairNeeded, activeWell],
  outcome: (s) => {
    const need = needOf(s);
    if (need === null) throw new Error("repair-begins without anything to repair");
    const standby = s.record.plan === null ? s.record.standby : "absent";
    return {
      record: noted(s.record, { plan: planRepair(need, s.nowMs), standby }),
      actions: [{ kind: "carry-out-plan" }],
      explanation: `a repair of ${s.record.active} begins: ${describeNeed(need)}`,
    };
  },
};

export const writeBlocksForgotten: RuleBody<"serving"> = {
  conditions: [
    ({ record }) =>
      record.writeBlocks?.region === record.active ? null : "the active region has no write block of the watchdog",
    ({ record, nowMs }) =>
      nowMs - record.startedAtMs > WRITE_BLOCKS_FORGOTTEN_MS ? null : "a late write block may still appear",
    (s) => (needOf(s) === null ? null : "a write block is still there"),
    activeWell,
  ],
  outcome: (s) => ({
    record: noted(s.record, { writeBlocks: null }),
    actions: [{ kind: "keep-replication" }],
    explanation: `${s.record.active} has no write block of the watchdog left`,
  }),
};
