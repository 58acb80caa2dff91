import { planRepair, type RepairNeed, repairNeedOf } from "../plans/repair.ts";
import type { ServingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import { activeWell } from "./conditions/active.ts";
import { noPlan, planDone, planIs } from "./conditions/plan.ts";
import { progress } from "./plan-progress.ts";
import { type Condition, type RuleBody, unchanged } from "./rule.ts";

/** Until then a write block whose request was cut off may still appear: bounded by the timeouts of requests. */
const WRITE_BLOCKS_FORGOTTEN_MS = 120_000;

function damageSeen({ record, seen }: Situation<ServingRecord>): RepairNeed | null {
  const { active } = seen;
  if (active === null || active.region !== record.active) return null;
  const damage = repairNeedOf(record, active);
  return damage.strays.length + damage.blocked.length === 0 ? null : damage;
}

const damaged: Condition<ServingRecord> = (s) =>
  damageSeen(s) === null ? `nothing in ${s.record.active} needs mending` : null;

/** A rejoin gives way: it starts over once the active region is mended. */
const nothingButRejoin: Condition<ServingRecord> = (s) => (planIs("rejoin")(s) === null ? null : noPlan(s));

const describeDamage = ({ strays, blocked }: RepairNeed) =>
  [
    strays.length === 0 ? [] : [`${strays.join(", ")} began to follow while the promotion ended`],
    blocked.length === 0 ? [] : [`${blocked.join(", ")} kept the write block of a switchover that was called off`],
  ]
    .flat()
    .join("; ");

export const repairDone: RuleBody<"serving"> = {
  scope: [planIs("repair")],
  conditions: [planDone],
  outcome: (s) => ({
    record: noted(s.record, { plan: null }),
    actions: [],
    explanation: `every index of ${s.record.active} accepts writes again`,
  }),
};

export const repairGoesOn: RuleBody<"serving"> = {
  scope: [planIs("repair")],
  conditions: [],
  outcome: (s) => unchanged(s.record, progress(s.record, `mending ${s.record.active}`), "carry-out-plan"),
};

export const repairBegins: RuleBody<"serving"> = {
  conditions: [nothingButRejoin, damaged, activeWell],
  outcome: (s) => {
    const damage = damageSeen(s);
    if (damage === null) throw new Error("repair-begins without anything to mend");
    const standby = s.record.plan === null ? s.record.standby : "absent";
    return {
      record: noted(s.record, { plan: planRepair(damage, s.nowMs), standby }),
      actions: [{ kind: "carry-out-plan" }],
      explanation: `${s.record.active} is mended: ${describeDamage(damage)}`,
    };
  },
};

export const writeBlocksForgotten: RuleBody<"serving"> = {
  conditions: [
    ({ record }) =>
      record.writeBlocks?.region === record.active ? null : "no write block of ours is left in the active region",
    ({ record, nowMs }) =>
      nowMs - record.startedAtMs > WRITE_BLOCKS_FORGOTTEN_MS ? null : "a late one may still appear",
    (s) => (damageSeen(s) === null ? null : "one is still there"),
    activeWell,
  ],
  outcome: (s) => ({
    record: noted(s.record, { writeBlocks: null }),
    actions: [{ kind: "keep-replication" }],
    explanation: `no write block of ours is left in ${s.record.active}`,
  }),
};
