import type { LeftOut } from "../../core/state/record-fields.ts";
import { sentenceOf } from "./step.ts";

/** Indices for which a step failed, although it may have succeeded for others: see `leavesOut`. */
export class IndicesStuck extends Error {
  readonly stuck: readonly LeftOut[];
  /** How many indices it succeeded for. */
  readonly others: number;

  constructor(message: string, stuck: readonly LeftOut[], others: number) {
    super(message);
    this.name = "IndicesStuck";
    this.stuck = stuck;
    this.others = others;
  }
}

/** Keeps a record small of which many indices fail with a long message. */
const REASON_LENGTH_MAX = 300;

/** What a step was to do, and what it found afterwards. */
export interface Failed {
  /** All indices that it was to be done for. */
  readonly of: number;
  /** Such as "indices still open". */
  readonly what: string;
  /** The same of one index, such as "it is still open". */
  readonly reason: string;
  readonly failures: readonly string[];
}

/** @throws IndicesStuck, with what is left and the failure of each */
export function assertNoneStuck(left: readonly string[], { of, what, reason, failures }: Failed): void {
  if (left.length === 0) return;
  const stuck = left.map((index) => {
    const failure = failures.find((sentence) => sentence.startsWith(`${index}: `))?.slice(index.length + 2);
    return { index, reason: (failure === undefined ? reason : `${reason}: ${failure}`).slice(0, REASON_LENGTH_MAX) };
  });
  throw new IndicesStuck(sentenceOf(left, what, failures), stuck, of - left.length);
}
