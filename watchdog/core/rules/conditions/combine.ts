import type { StateRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";

/** The opposite of a condition, for rules that exist because it does not hold. */
export function not<R extends StateRecord | null>(condition: Condition<R>, otherwise: string): Condition<R> {
  return (situation) => (condition(situation) === null ? otherwise : null);
}

/** Holds when one of the conditions does. */
export function anyOf<R extends StateRecord | null>(...conditions: readonly Condition<R>[]): Condition<R> {
  return (situation) => {
    const blockers = conditions.map((condition) => condition(situation));
    return blockers.includes(null) ? null : blockers.join(", and ");
  };
}
