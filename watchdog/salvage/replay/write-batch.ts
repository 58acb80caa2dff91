import { contentHash } from "../operation.ts";
import type { ActivePrimary, ConditionalWrite, WriteResult } from "../ports.ts";
import type { NumberedOperation } from "./batches.ts";
import type { Outcome } from "./journal.ts";

export interface PendingWrite {
  readonly numbered: NumberedOperation;
  readonly write: ConditionalWrite;
}

/** Writes to the active region; outcomes are in the order of the writes. */
export async function writeBatch(active: ActivePrimary, writes: readonly PendingWrite[]): Promise<readonly Outcome[]> {
  if (writes.length === 0) return [];
  const results = await active.write(writes.map(({ write }) => write));
  const conflicted = writes.filter((_, position) => results[position]?.kind === "conflict");
  const identical = await identicalOnes(active, conflicted);
  return writes.map(({ numbered }, position) => outcomeOf(numbered, results[position], identical));
}

/**
 * Positions of the conflicted writes whose content is already present: those that an interrupted run wrote without
 * living to record them.
 */
async function identicalOnes(active: ActivePrimary, conflicted: readonly PendingWrite[]): Promise<ReadonlySet<number>> {
  if (conflicted.length === 0) return new Set();
  const copies = await active.documents(conflicted.map(({ numbered }) => numbered.operation));
  return new Set(
    conflicted
      .filter(({ numbered }, position) => copies[position]?.contentHash === contentHash(numbered.operation))
      .map(({ numbered }) => numbered.n),
  );
}

function outcomeOf({ n }: NumberedOperation, result: WriteResult | undefined, identical: ReadonlySet<number>): Outcome {
  switch (result?.kind) {
    case "written":
      return { n, outcome: "written" };
    case "conflict":
      return { n, outcome: identical.has(n) ? "present" : "changed" };
    case "failed":
      return { n, outcome: "failed", reason: result.reason };
    case undefined:
      return { n, outcome: "failed", reason: "the cluster returned no result for this write" };
    default:
      return result satisfies never;
  }
}
