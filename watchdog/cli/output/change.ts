import type { ChangePreview } from "../../core/preview.ts";
import { count, section, size } from "../../util/text.ts";

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
