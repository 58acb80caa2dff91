import type { ServingRecord } from "../state/record.ts";
import { type Situation, standbyOf } from "../state/situation.ts";
import { closing } from "../state/transitions.ts";
import { automatic, hooksAwaited, hooksConfigured, hooksPassed } from "./conditions/hooks.ts";
import { standbyStateIs } from "./conditions/standby.ts";
import { hooksFirst } from "./hooks.ts";
import { failbackBlockers } from "./preconditions.ts";
import type { Condition, RuleBody } from "./rule.ts";

const wanted = automatic("switchover");

const due: readonly Condition<ServingRecord>[] = [
  standbyStateIs("in-sync"),
  (s) => failbackBlockers(s).join("; ") || null,
];

function causeOf(s: Situation<ServingRecord>): string {
  const quietS = Math.round(s.config.failback.quietPeriodMs / 1000);
  return `automatic failback to ${standbyOf(s)}, which has been in sync for the quiet period of ${quietS} s`;
}

export const failbackHooks: RuleBody<"serving"> = {
  scope: [hooksConfigured],
  conditions: [...due, hooksAwaited(wanted)],
  outcome: (s) => hooksFirst(s, wanted, { reason: causeOf(s), upkeep: ["keep-replication"] }),
};

export const automaticFailback: RuleBody<"serving"> = {
  conditions: [...due, hooksPassed(wanted)],
  outcome: (s) => {
    const cause = causeOf(s);
    return {
      record: closing(s, { change: "switchover", automatic: true, cause }),
      actions: [],
      explanation: `${cause}: routers close under epoch ${s.record.epoch + 1}`,
    };
  },
};
