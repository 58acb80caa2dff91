import type { StateRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";

/** Holds when the condition does not; `otherwise` is the blocker when the condition holds. */
export function not<R extends StateRecord | null>(condition: Condition<R>, otherwise: string): Condition<R> {
  return (situation) => (condition(situation) === null ? otherwise : null);
}

/** Holds when at least one of the conditions does. */
export function anyOf<R extends StateRecord | null>(...conditions: readonly Condition<R>[]): Condition<R> {
  return (situation) => {
    const blockers = conditions.map((condition) => condition(situation));
    return blockers.includes(null) ? null : blockers.join(", and ");
  };
}
