import type { StateRecord } from "./record.ts";

export interface FinishedChange {
  readonly kind: "failover" | "switchover";
  readonly automatic: boolean;
  /** undone: it went back to the old region. */
  readonly outcome: "done" | "undone";
}

/** The change that ended between two records of which the second is newer; null when none did. */
export function finishedChange(before: StateRecord | null, after: StateRecord | null): FinishedChange | null {
  if (before === null || after?.phase !== "serving") return null;
  const { lastFailover } = after;
  // A record read late may show the end of a change whose beginning was not seen.
  if (lastFailover !== null && lastFailover.finishedAtMs !== before.lastFailover?.finishedAtMs) {
    return { kind: lastFailover.kind, automatic: lastFailover.automatic, outcome: "done" };
  }
  if (before.phase === "serving" || after.active !== before.from) return null;
  return { kind: before.change, automatic: before.automatic, outcome: "undone" };
}
