import type { WatchdogConfig } from "../../config/schema.ts";
import type { Observations } from "../state/observations.ts";
import type { StateRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { withOpeningHooks } from "./hooks.ts";
import { everyPhase, type Outcome } from "./rule.ts";
import { type RuleId, rules } from "./table.ts";

export interface Ruling extends Outcome {
  readonly rule: RuleId;
}

/** The ruling of the first rule that holds. Pure: the same situation gives the same ruling. */
export function decide(record: StateRecord | null, seen: Observations, nowMs: number, config: WatchdogConfig): Ruling {
  const situation: Situation = { record, seen, nowMs, config };
  const first = rules.find(({ holds }) => holds(situation));
  if (first === undefined)
    throw new Error(`no rule holds in phase ${record?.phase ?? "none"}: the last rule of a phase needs no condition`);
  const outcome = first.outcome(situation);
  // A rule of every phase decides whether this watchdog may act at all.
  const isGuard = first.phases.length === everyPhase.length;
  return { rule: first.id, ...(isGuard ? outcome : withOpeningHooks(situation, outcome)) };
}
