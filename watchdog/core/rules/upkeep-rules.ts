import { describeStep } from "../plans/describe-step.ts";
import { plannedOf } from "../plans/planned.ts";
import { planRejoin } from "../plans/rejoin.ts";
import { planRepair, type RepairNeed, repairNeedOf } from "../plans/repair.ts";
import type { Plan } from "../state/plan.ts";
import { currentStep } from "../state/plan.ts";
import type { ServingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { closing, noted, rejoined } from "../state/transitions.ts";
import {
  activeWell,
  noPlan,
  notPaused,
  planIs,
  standbyHealthy,
  standbyOf,
  standbyRecovered,
  standbyStateIs,
  standbyWasPrimary,
} from "./conditions.ts";
import { failbackBlockers } from "./preconditions.ts";
import type { Condition } from "./rule.ts";
import { type Rule, rule, unchanged } from "./rule.ts";
import { promotableBlocker } from "./standby.ts";

/** What is done while a region serves: it is mended, its former primary comes back, and the first primary in the end. */

/** Until then a write block whose request was cut off may still appear: bounded by the timeouts of requests. */
const WRITE_BLOCKS_FORGOTTEN_MS = 120_000;

const planDone: Condition<ServingRecord> = ({ record: { plan } }) => {
  const step = plan === null ? null : currentStep(plan);
  return step === null ? null : `${step.kind} is ${step.status}`;
};

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

const standbySeen: Condition<ServingRecord> = (s) => promotableBlocker(s, standbyOf(s));

function progress(record: ServingRecord, what: string): string {
  const plan = plannedOf(record)?.plan;
  const step = plan === undefined ? null : currentStep(plan);
  if (step === null) return `${what}: done`;
  return `${what}: ${describeStep(step)}${step.error === null ? "" : `; last attempt failed: ${step.error}`}`;
}

const describeDamage = ({ strays, blocked }: RepairNeed) =>
  [
    strays.length === 0 ? [] : [`${strays.join(", ")} began to follow while the promotion ended`],
    blocked.length === 0 ? [] : [`${blocked.join(", ")} kept the write block of a switchover that was called off`],
  ]
    .flat()
    .join("; ");

/** Rules about a plan under way while a region serves, and about beginning one: before those about the standby. */
export const planRules: readonly Rule[] = [
  rule(
    "repair-done",
    ["serving"],
    "Once the active region is mended, nothing more is owed.",
    [planIs("repair"), planDone],
    (s) => ({
      record: noted(s.record, { plan: null }),
      actions: [],
      explanation: `every index of ${s.record.active} accepts writes again`,
    }),
  ),
  rule(
    "repair-goes-on",
    ["serving"],
    "Mending the active region is carried on, by whoever decides now.",
    [planIs("repair")],
    (s) => unchanged(s.record, progress(s.record, `mending ${s.record.active}`), "carry-out-plan"),
  ),
  rule(
    "repair-begins",
    ["serving"],
    "Indices of the active region that refuse writes, by our own doing or by auto-follow's, are mended.",
    [nothingButRejoin, damaged, activeWell],
    (s) => {
      const damage = damageSeen(s);
      if (damage === null) throw new Error("repair-begins without anything to mend");
      const standby = s.record.plan === null ? s.record.standby : "absent";
      return {
        record: noted(s.record, { plan: planRepair(damage, s.nowMs), standby }),
        actions: [{ kind: "carry-out-plan" }],
        explanation: `${s.record.active} is mended: ${describeDamage(damage)}`,
      };
    },
  ),
  rule(
    "rejoin-done",
    ["serving"],
    "A former primary that holds nothing of its own any more follows the active region.",
    [planIs("rejoin"), planDone],
    (s) => ({
      record: rejoined(s.record, s.nowMs),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} holds nothing of its own any more: it follows ${s.record.active}`,
    }),
  ),
  rule(
    "rejoin-goes-on",
    ["serving"],
    "The return of a former primary is carried on, by whoever decides now.",
    [planIs("rejoin"), notPaused, activeWell, standbyHealthy],
    (s) => unchanged(s.record, progress(s.record, `${standbyOf(s)} rejoins`), "carry-out-plan"),
  ),
  rule(
    "rejoin-waits",
    ["serving"],
    "Nothing of a former primary is touched while either region is unwell, or automatic changes are paused.",
    [planIs("rejoin")],
    (s) => {
      const reasons = [notPaused, activeWell, standbyHealthy].flatMap((condition) => condition(s) ?? []);
      return unchanged(s.record, `${standbyOf(s)} rejoins later: ${reasons.join("; ")}`);
    },
  ),
  rule(
    "rejoin-begins",
    ["serving"],
    "A former primary that is well again is fenced, salvaged, and then follows the region that took over.",
    [standbyStateIs("absent"), noPlan, standbyWasPrimary, notPaused, activeWell, standbyRecovered, standbySeen],
    (s) => {
      const { record, seen, config, nowMs } = s;
      const look = seen.standby;
      if (look === null) throw new Error("rejoin-begins without a look at the former primary");
      const plan: Plan = planRejoin(record, look, config.rejoin.policy, nowMs);
      return {
        record: noted(record, { standby: "fencing", plan }),
        actions: [{ kind: "carry-out-plan" }],
        explanation: `${standbyOf(s)} is back: it is fenced, what it holds alone is salvaged, then it follows ${record.active}`,
      };
    },
  ),
];

export const failbackRules: readonly Rule[] = [
  rule(
    "write-blocks-forgotten",
    ["serving"],
    "Write blocks that a switchover left behind are looked for no longer once none of its requests can be under way.",
    [
      ({ record }) =>
        record.writeBlocks?.region === record.active ? null : "no write block of ours is left in the active region",
      ({ record, nowMs }) =>
        nowMs - record.startedAtMs > WRITE_BLOCKS_FORGOTTEN_MS ? null : "a late one may still appear",
      (s) => (damageSeen(s) === null ? null : "one is still there"),
      activeWell,
    ],
    (s) => ({
      record: noted(s.record, { writeBlocks: null }),
      actions: [{ kind: "keep-replication" }],
      explanation: `no write block of ours is left in ${s.record.active}`,
    }),
  ),
  rule(
    "automatic-failback",
    ["serving"],
    "The first primary becomes active again by itself, by a switchover, where the configuration says so.",
    [standbyStateIs("in-sync"), (s) => failbackBlockers(s).join("; ") || null],
    (s) => {
      const cause = `automatic failback: ${standbyOf(s)} has been in sync for the whole quiet period`;
      return {
        record: closing(s, { change: "switchover", automatic: true, cause }),
        actions: [],
        explanation: cause,
      };
    },
  ),
];
