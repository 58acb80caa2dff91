import path from "node:path";
import { z } from "zod";
import { appendDurably, readAppended } from "../../util/durable.ts";
import { Positions } from "./positions.ts";

/**
 * The outcome of each replayed operation, in the directory of the receipt. No operation is replayed twice: neither after
 * an interruption, nor after the application has deleted or changed the replayed document.
 */

const JOURNAL_FILE = "outcome.ndjson";

const outcomeSchema = z.strictObject({
  /** Position in the exported file, from 0. */
  n: z.number().int().min(0),
  /**
   * - written: replayed
   * - present: the active region had the same content already
   * - changed: the document changed after its classification, so it was skipped
   * - failed: the cluster refused it, with the `reason`
   */
  outcome: z.enum(["written", "present", "changed", "failed"]),
  reason: z.string().optional(),
});

export type Outcome = z.output<typeof outcomeSchema>;

/** Positions of the operations that never need a replay again. */
export async function readSettled(directory: string): Promise<Positions> {
  const settled = new Positions();
  for await (const line of readAppended(path.join(directory, JOURNAL_FILE))) {
    const { n, outcome } = outcomeSchema.parse(JSON.parse(line));
    if (outcome === "written" || outcome === "present") settled.add(n);
  }
  return settled;
}

export async function recordOutcomes(directory: string, outcomes: readonly Outcome[]): Promise<void> {
  await appendDurably(
    path.join(directory, JOURNAL_FILE),
    outcomes.map((outcome) => JSON.stringify(outcome)),
  );
}
