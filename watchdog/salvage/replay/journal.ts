import path from "node:path";
import { z } from "zod";
import { appendDurably, readAppended } from "../../util/durable.ts";

/**
 * What became of each operation, beside the receipt, so that no operation is ever replayed a second time: not after an
 * interruption, and not after the application has deleted or changed what was replayed.
 */

const JOURNAL_FILE = "outcome.ndjson";

const outcomeSchema = z.strictObject({
  /** Position in the exported file, from 0. */
  n: z.number().int().min(0),
  /**
   * written: replayed. present: the very content was there already. changed: the document had changed since it was
   * classified, and was left alone. failed: refused by the cluster, for `reason`.
   */
  outcome: z.enum(["written", "present", "changed", "failed"]),
  reason: z.string().optional(),
});

export type Outcome = z.output<typeof outcomeSchema>;

/** Positions that need no replay any more, whatever else happens. */
export async function readSettled(directory: string): Promise<ReadonlySet<number>> {
  const settled = new Set<number>();
  for (const line of await readAppended(path.join(directory, JOURNAL_FILE))) {
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
