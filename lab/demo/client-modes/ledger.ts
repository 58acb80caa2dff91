import { z } from "zod";
import { Ledger } from "../../traffic/ledger.ts";

/** A line of escluster-demo's ledger: the outcome of one document. See clients/c/escluster-demo.1. */
const entrySchema = z.object({
  id: z.string(),
  /** "ok" when the write was acknowledged. */
  status: z.string(),
  /** When the request began, wall clock in milliseconds since 1970. */
  at: z.number(),
  /** Duration with all attempts, in milliseconds. */
  ms: z.number(),
  attempts: z.number().int(),
  /** The write may have been carried out although it was not acknowledged. */
  uncertain: z.boolean(),
});
export type LedgerEntry = z.infer<typeof entrySchema>;

/** Leaves out the last line without its end: the program may still be writing it. */
export function parseEntries(text: string): readonly LedgerEntry[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => entrySchema.parse(JSON.parse(line)));
}

/** Ids of the writes that were acknowledged later than `sinceMs`. */
export function acknowledgedIds(entries: readonly LedgerEntry[], sinceMs = 0): readonly string[] {
  return ledgerOf(entries).acknowledgedSince(sinceMs);
}

function ledgerOf(entries: readonly LedgerEntry[]): Ledger {
  const ledger = new Ledger();
  for (const { id, status, at, ms } of entries) {
    const atMs = at + ms;
    if (status === "ok") ledger.add({ event: "write-acknowledged", id, atMs, region: null });
    else ledger.add({ event: "write-failed", id, atMs, reason: status });
  }
  return ledger;
}

/** How a program came through the failover. */
export interface ProgramOutcome {
  /** From the power cut to the first write that the new region acknowledged; null when there was none. */
  readonly firstWriteAfterMs: number | null;
  /** Requests given up that were certainly not carried out. */
  readonly failed: number;
  /** Requests given up that may have been carried out. */
  readonly uncertain: number;
  /** Failed attempts, including those of requests that succeeded in the end. */
  readonly failedAttempts: number;
  readonly acknowledged: number;
}

/**
 * @param cutAtMs when the network ports of the old region went down
 * @param detectedAtMs when the watchdogs detected its loss: answers that it sent before the cut arrive until then
 */
export function programOutcome(entries: readonly LedgerEntry[], cutAtMs: number, detectedAtMs: number): ProgramOutcome {
  const ledger = ledgerOf(entries);
  const firstWriteAtMs = ledger.firstAcknowledgedAfter(detectedAtMs);
  const uncertain = entries.filter((entry) => entry.status !== "ok" && entry.uncertain).length;
  const attempts = entries.reduce((sum, entry) => sum + entry.attempts, 0);
  return {
    firstWriteAfterMs: firstWriteAtMs === null ? null : firstWriteAtMs - cutAtMs,
    failed: ledger.writesFailed - uncertain,
    uncertain,
    failedAttempts: attempts - ledger.acknowledged.size,
    acknowledged: ledger.acknowledged.size,
  };
}
