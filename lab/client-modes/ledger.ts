import { z } from "zod";

/** A line of escluster-demo's ledger: what became of one document. See clients/c/escluster-demo.1. */
const entrySchema = z.object({
  id: z.string(),
  /** "ok" when the write was confirmed. */
  status: z.string(),
  /** When it was begun, wall clock in milliseconds since 1970. */
  at: z.number(),
  /** How long it took with all its attempts. */
  ms: z.number(),
  attempts: z.number().int(),
  uncertain: z.boolean(),
});
export type LedgerEntry = z.infer<typeof entrySchema>;

/** The program may be at work on the last line. */
export function parseLedger(text: string): readonly LedgerEntry[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => entrySchema.parse(JSON.parse(line)));
}

export const isAcknowledged = ({ status }: LedgerEntry) => status === "ok";

export const acknowledgedAtMs = ({ at, ms }: LedgerEntry) => at + ms;

/** Ids of the writes that were acknowledged later than `sinceMs`. */
export function acknowledgedIds(ledger: readonly LedgerEntry[], sinceMs = 0): readonly string[] {
  return ledger.filter((entry) => isAcknowledged(entry) && acknowledgedAtMs(entry) > sinceMs).map(({ id }) => id);
}

/** How a program fared. */
export interface Fare {
  /** From the power cut to the first write that the new region acknowledged; null when there was none. */
  readonly firstWriteAfterMs: number | null;
  /** Requests given up that were certainly not carried out. */
  readonly failed: number;
  /** Requests given up that may have been carried out. */
  readonly uncertain: number;
  /** Attempts without success, those of requests that succeeded in the end among them. */
  readonly failedAttempts: number;
  readonly acknowledged: number;
}

/**
 * @param cutAtMs when nothing of the old region could be reached any more
 * @param detectedAtMs when its loss was noticed: until then, answers that it had sent were still on the line
 */
export function fareOf(ledger: readonly LedgerEntry[], cutAtMs: number, detectedAtMs: number): Fare {
  const given = ledger.filter((entry) => !isAcknowledged(entry));
  const acknowledged = ledger.filter(isAcknowledged);
  const later = acknowledged.map(acknowledgedAtMs).filter((atMs) => atMs > detectedAtMs);
  const attempts = ledger.reduce((sum, entry) => sum + entry.attempts, 0);
  return {
    firstWriteAfterMs: later.length === 0 ? null : Math.min(...later) - cutAtMs,
    failed: given.filter(({ uncertain }) => !uncertain).length,
    uncertain: given.filter(({ uncertain }) => uncertain).length,
    failedAttempts: attempts - acknowledged.length,
    acknowledged: acknowledged.length,
  };
}
