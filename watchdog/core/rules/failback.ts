import { standbyOf } from "../state/situation.ts";
import { closing } from "../state/transitions.ts";
import { standbyStateIs } from "./conditions/standby.ts";
import { failbackBlockers } from "./preconditions.ts";
import type { RuleBody } from "./rule.ts";

export const automaticFailback: RuleBody<"serving"> = {
  conditions: [standbyStateIs("in-sync"), (s) => failbackBlockers(s).join("; ") || null],
  outcome: (s) => {
    const quietS = Math.round(s.config.failback.quietPeriodMs / 1000);
    const cause = `automatic failback to ${standbyOf(s)}, which has been in sync for the quiet period of ${quietS} s`;
    return {
      record: closing(s, { change: "switchover", automatic: true, cause }),
      actions: [],
      explanation: `${cause}: routers close under epoch ${s.record.epoch + 1}`,
    };
  },
};
