import { standbyOf } from "../state/situation.ts";
import { closing } from "../state/transitions.ts";
import { standbyStateIs } from "./conditions/standby.ts";
import { failbackBlockers } from "./preconditions.ts";
import type { RuleBody } from "./rule.ts";

export const automaticFailback: RuleBody<"serving"> = {
  conditions: [standbyStateIs("in-sync"), (s) => failbackBlockers(s).join("; ") || null],
  outcome: (s) => {
    const cause = `automatic failback: ${standbyOf(s)} has been in sync for the whole quiet period`;
    return {
      record: closing(s, { change: "switchover", automatic: true, cause }),
      actions: [],
      explanation: cause,
    };
  },
};
