import type { LastFailover } from "../core/state/record.ts";
import { withReason } from "../core/state/record-fields.ts";
import { listed } from "../util/text.ts";

/** What the new region lacks, or has otherwise than the old one. */
export function exceptionRows({
  from,
  to,
  missingIndices,
  leftOut,
  toJoin,
  deletedBefore,
  keptBlocks,
}: LastFailover): string[][] {
  const reasons = new Map(leftOut.map(({ index, reason }) => [index, reason]));
  const missing = missingIndices.map((index) => {
    const reason = reasons.get(index);
    return reason === undefined ? index : `${index} (left out: ${reason})`;
  });
  const givenUp = leftOut.filter(({ index }) => !missingIndices.includes(index)).map(withReason);
  return [
    ...(missing.length === 0 ? [] : [["missing", `${to} lacks ${listed(missing)}`]]),
    ...(givenUp.length === 0 ? [] : [["given up", listed(givenUp)]]),
    ...(toJoin === undefined
      ? []
      : [["to join", `${listed(toJoin.indices)}: complete, tried again from time to time`]]),
    ...(deletedBefore.length === 0 ? [] : [["deleted before", `in ${from}: ${listed(deletedBefore)}`]]),
    ...(keptBlocks.length === 0 ? [] : [["write-blocked", `by the users, before the change: ${listed(keptBlocks)}`]]),
  ];
}
