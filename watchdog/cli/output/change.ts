import type { ChangePreview } from "../../core/preview.ts";
import type { LastFailover } from "../../core/state/record.ts";
import { withReason } from "../../core/state/record-fields.ts";
import { count, listed, section, size } from "../../util/text.ts";

export interface CopySize {
  /** Bytes of the primaries to copy; null when the region did not answer. */
  readonly copyBytes: number | null;
  readonly copyError: string | null;
}

export function formatChangePreview(preview: ChangePreview, copy: CopySize): string {
  const { kind, from, to, verdict, reasons, steps, loss, missing } = preview;
  const begins = verdict === "begins" ? "would start at once" : "would have to wait";
  return [
    `A ${kind} from ${from} to ${to} ${begins}: ${reasons.join("; ")}.`,
    section(
      "Steps",
      steps.map((step, n) => [`${n + 1}.`, step]),
    ),
    section(
      `Missing in ${to} afterwards`,
      missing.map(({ index, reason }) => [index, reason]),
    ),
    loss === null ? "No acknowledged write is lost." : `Lost would be ${loss.explanation}.`,
    copySentence(preview, copy),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function copySentence({ from, to, indicesToCopy }: ChangePreview, { copyBytes, copyError }: CopySize): string {
  const bytes = copyBytes === null ? `their size is unknown: ${copyError}` : size(copyBytes);
  const indices = count(indicesToCopy.length, "index", "indices");
  return `Afterwards ${from} has to copy ${indices} from ${to} in full (${bytes}) to become a standby again.`;
}

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
