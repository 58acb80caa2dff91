import { listed } from "../../util/text.ts";
import { awaitsDecision, planRejoin, stakeOf } from "../plans/rejoin.ts";
import { indicesToBlock } from "../plans/write-blocks.ts";
import type { ServingRecord } from "../state/record.ts";
import { standbyOf } from "../state/situation.ts";
import { indicesToJoin } from "../state/to-join.ts";
import { noted, rejoined } from "../state/transitions.ts";
import { withMarks } from "../state/write-blocks.ts";
import { activeWell } from "./conditions/active.ts";
import { notPaused } from "./conditions/automatic.ts";
import { noPlan, planDone, planIs } from "./conditions/plan.ts";
import {
  promotableBlocker,
  standbyHealthy,
  standbyRecovered,
  standbyStateIs,
  standbyWasPrimary,
} from "./conditions/standby.ts";
import { progressOf } from "./plan-progress.ts";
import { blockersOf, type Condition, type RuleBody, unchanged } from "./rule.ts";

/** Rules about a former primary that becomes the standby. */

const standbyObserved: Condition<ServingRecord> = (s) => promotableBlocker(s, standbyOf(s));

/** With the policy `wait` an operator decides what is deleted, once everything is salvaged. */
const clearingDecided: Condition<ServingRecord> = ({ record: { plan, active } }) => {
  if (plan === null || !awaitsDecision(plan)) return null;
  const stake = stakeOf(plan, active);
  const what = "an operator decides by `es-failover rejoin` what is deleted of the former primary, which is salvaged";
  return stake === null ? what : `${what}; ${stake}`;
};

export const rejoinDone: RuleBody<"serving"> = {
  scope: [planIs("rejoin")],
  conditions: [planDone],
  outcome: (s) => {
    const kept = indicesToJoin(s.record);
    const except = kept.length === 0 ? "" : ` but ${listed(kept)}, kept until ${s.record.active} serves them`;
    return {
      record: rejoined(s.record, standbyOf(s), s.nowMs),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} has no indices of its own left${except}: it follows ${s.record.active}`,
    };
  },
};

export const rejoinGoesOn: RuleBody<"serving"> = {
  scope: [planIs("rejoin")],
  conditions: [notPaused, activeWell, standbyHealthy, clearingDecided],
  outcome: (s) => {
    const { plan, active } = s.record;
    const progress = plan === null ? "" : `, ${progressOf(plan)}`;
    const stake = plan === null ? null : stakeOf(plan, active);
    const sentence = `${standbyOf(s)} rejoins${progress}${stake === null ? "" : `; ${stake}`}`;
    return unchanged(s.record, sentence, "carry-out-plan");
  },
};

export const rejoinWaits: RuleBody<"serving"> = {
  scope: [planIs("rejoin")],
  conditions: [],
  outcome: (s) => unchanged(s.record, `the rejoin of ${standbyOf(s)} waits: ${blockersOf(rejoinGoesOn, s)}`),
};

export const rejoinBegins: RuleBody<"serving"> = {
  conditions: [
    standbyStateIs("absent"),
    noPlan,
    standbyWasPrimary,
    notPaused,
    activeWell,
    standbyRecovered,
    standbyObserved,
  ],
  outcome: (s) => {
    const { record, seen, config, nowMs } = s;
    const former = seen.standby;
    if (former === null) throw new Error("rejoin-begins without a snapshot of the former primary");
    const plan = planRejoin(record, former, config.rejoin.policy, nowMs);
    const writeBlocks = withMarks(record, former.region, indicesToBlock(plan, former.indices));
    return {
      record: noted(record, { standby: "fencing", plan, writeBlocks }),
      actions: [{ kind: "carry-out-plan" }],
      explanation: `${standbyOf(s)} is healthy again and rejoins: it is fenced and salvaged, then it follows ${record.active}`,
    };
  },
};
