import { unreadAdvice } from "../core/plans/describe-step.ts";
import type { LastFailover } from "../core/state/record.ts";
import { withReason } from "../core/state/record-fields.ts";
import { unreadToJoin } from "../core/state/to-join.ts";
import { listed } from "../util/text.ts";

/** What the new region lacks, or has otherwise than the old one. */
export function exceptionRows(lastFailover: LastFailover): string[][] {
  const { from, to, missingIndices, leftOut, deletedBefore, keptBlocks } = lastFailover;
  const reasons = new Map(leftOut.map(({ index, reason }) => [index, reason]));
  const missing = missingIndices.map((index) => {
    const reason = reasons.get(index);
    return reason === undefined ? index : `${index} (left out: ${reason})`;
  });
  const givenUp = leftOut.filter(({ index }) => !missingIndices.includes(index)).map(withReason);
  return [
    ...(missing.length === 0 ? [] : [["missing", `${to} lacks ${listed(missing)}`]]),
    ...(givenUp.length === 0 ? [] : [["given up", listed(givenUp)]]),
    ...toJoinRows(lastFailover),
    ...(deletedBefore.length === 0 ? [] : [["deleted before", `in ${from}: ${listed(deletedBefore)}`]]),
    ...(keptBlocks.length === 0 ? [] : [["write-blocked", `by the users, before the change: ${listed(keptBlocks)}`]]),
  ];
}

function toJoinRows(lastFailover: LastFailover): string[][] {
  const { from, to, toJoin } = lastFailover;
  const unread = unreadToJoin(lastFailover);
  const complete = toJoin?.indices.filter((name) => !unread.includes(name)) ?? [];
  return [
    ...(complete.length === 0 ? [] : [["to join", `${listed(complete)}: complete, tried again from time to time`]]),
    ...(unread.length === 0
      ? []
      : [["to join", `${listed(unread)}: tried again from time to time; ${unreadAdvice(to, from)}`]]),
  ];
}
