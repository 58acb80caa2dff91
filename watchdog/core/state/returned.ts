import { listed } from "../../util/text.ts";
import { stepOf } from "./plan.ts";
import type { PromotingRecord } from "./record.ts";

/** Indices that the promotion brings back: CCR does not replicate a deletion. */
export function deletedBeforeOf({ plan, leaderSight }: PromotingRecord): readonly string[] {
  const promoted = new Set(stepOf(plan, "verify")?.indices);
  return (leaderSight?.deleted ?? []).filter((index) => promoted.has(index));
}

/** One sentence; none where nothing is back. */
export const returnedSentence = (
  { from, to }: Pick<PromotingRecord, "from" | "to">,
  returned: readonly string[],
): readonly string[] =>
  returned.length === 0 ? [] : [`${to} has what had been deleted in ${from}: ${listed(returned)}`];
