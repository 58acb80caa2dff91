import type { WatchdogConfig } from "../../config/schema.ts";
import type { Observations } from "../state/observations.ts";
import type { StateRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { everyPhase } from "./rule.ts";
import { type RuleId, rules } from "./table.ts";

/** A rule of the table as `explain` shows it. Field names are scripted. */
export interface RuleExplanation {
  readonly rule: RuleId;
  /** One sentence: what the rule is for. */
  readonly purpose: string;
  readonly holds: boolean;
  /** True for the first rule that holds: the one that decides. */
  readonly decides: boolean;
  /** What blocks it; empty when it holds. */
  readonly blockedBy: readonly string[];
}

/**
 * Every rule, whether it holds, and if not, what blocks it. First the rule that decides, then those of this phase by the
 * number of blockers, then those of every phase, then those that hold but come later, then those not applicable.
 */
export function explain(
  record: StateRecord | null,
  seen: Observations,
  nowMs: number,
  config: WatchdogConfig,
): readonly RuleExplanation[] {
  const situation: Situation = { record, seen, nowMs, config };
  let decided = false;
  const explained = rules.map(({ id, phases, purpose, blockers }) => {
    const blockedBy = blockers(situation);
    const holds = blockedBy !== null && blockedBy.length === 0;
    const decides = holds && !decided;
    decided ||= holds;
    const isSpecific = phases.length < everyPhase.length;
    const reasons = blockedBy ?? ["not applicable in this phase"];
    const explanation: RuleExplanation = { rule: id, purpose, holds, decides, blockedBy: reasons };
    const group = decides ? 0 : blockedBy === null ? 4 : holds ? 3 : isSpecific ? 1 : 2;
    return { group, distance: reasons.length, explanation };
  });
  return explained
    .toSorted((a, b) => a.group - b.group || a.distance - b.distance)
    .map(({ explanation }) => explanation);
}
