import type { ServingRecord } from "../state/record.ts";
import { standbyOf } from "../state/situation.ts";
import { closing } from "../state/transitions.ts";
import { activeUnhealthy } from "./conditions/active.ts";
import { notInBlockPeriod, notPaused, oneRouter } from "./conditions/automatic.ts";
import { not } from "./conditions/combine.ts";
import { standbyHealthy, standbyInSync, standbyPromotable } from "./conditions/standby.ts";
import { type Condition, type RuleBody, unchanged } from "./rule.ts";

export const failover: RuleBody<"serving"> = {
  conditions: [
    activeUnhealthy,
    notPaused,
    oneRouter,
    standbyHealthy,
    standbyPromotable,
    standbyInSync,
    notInBlockPeriod,
  ],
  outcome: (s) => {
    const cause = `${s.record.active} is unhealthy: ${s.seen.health[s.record.active]?.reason}`;
    return {
      record: closing(s, { change: "failover", automatic: true, cause }),
      actions: [],
      explanation: `${cause}; ${standbyOf(s)} takes over`,
    };
  },
};

/** A refusal: the active region is lost, and one condition of `failover` does not hold. */
const refusal = (condition: Condition<ServingRecord>): RuleBody<"serving"> => ({
  conditions: [activeUnhealthy, not(condition, "this is not what stands in the way")],
  outcome: (s) => unchanged(s.record, `${s.record.active} is unhealthy, but nothing is done: ${condition(s)}`),
});

export const refusePaused = refusal(notPaused);
export const refuseBothUnhealthy = refusal(standbyHealthy);
export const refuseSeveralRouters = refusal(oneRouter);
export const refuseNotPromotable = refusal(standbyPromotable);
export const refuseNotInSync = refusal(standbyInSync);
export const refuseBlockPeriod = refusal(notInBlockPeriod);
