import { planRejoin } from "../plans/rejoin.ts";
import type { Plan } from "../state/plan.ts";
import type { ServingRecord } from "../state/record.ts";
import { standbyOf } from "../state/situation.ts";
import { noted, rejoined } from "../state/transitions.ts";
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
import { progress } from "./plan-progress.ts";
import { type Condition, type RuleBody, unchanged } from "./rule.ts";

const standbySeen: Condition<ServingRecord> = (s) => promotableBlocker(s, standbyOf(s));

export const rejoinDone: RuleBody<"serving"> = {
  scope: [planIs("rejoin")],
  conditions: [planDone],
  outcome: (s) => ({
    record: rejoined(s.record, s.nowMs),
    actions: [{ kind: "keep-replication" }],
    explanation: `${standbyOf(s)} holds nothing of its own any more: it follows ${s.record.active}`,
  }),
};

export const rejoinGoesOn: RuleBody<"serving"> = {
  scope: [planIs("rejoin")],
  conditions: [notPaused, activeWell, standbyHealthy],
  outcome: (s) => unchanged(s.record, progress(s.record, `${standbyOf(s)} rejoins`), "carry-out-plan"),
};

export const rejoinWaits: RuleBody<"serving"> = {
  scope: [planIs("rejoin")],
  conditions: [],
  outcome: (s) => {
    const reasons = [notPaused, activeWell, standbyHealthy].flatMap((condition) => condition(s) ?? []);
    return unchanged(s.record, `${standbyOf(s)} rejoins later: ${reasons.join("; ")}`);
  },
};

export const rejoinBegins: RuleBody<"serving"> = {
  conditions: [
    standbyStateIs("absent"),
    noPlan,
    standbyWasPrimary,
    notPaused,
    activeWell,
    standbyRecovered,
    standbySeen,
  ],
  outcome: (s) => {
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
};
