import type { LastFailover } from "../../watchdog/core/record.ts";

/** What a failover under load came to. Times are wall-clock milliseconds since 1970. */
export interface FailoverRun {
  /** When the last process of the old region's nodes was gone. */
  readonly killedAtMs: number;
  /** What the watchdog wrote down. */
  readonly failover: LastFailover;
  /** The first write acknowledged after the kill; null when there was none. */
  readonly firstWriteAtMs: number | null;
  readonly writesFailed: number;
  readonly readsFailed: number;
  readonly writesAcknowledged: number;
  readonly found: number;
  readonly missing: number;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** The rows of the closing table. */
export function reportRows(run: FailoverRun): readonly (readonly [what: string, value: string])[] {
  const { failover, killedAtMs, firstWriteAtMs } = run;
  const { atLeast, atMost } = failover.loss;
  return [
    ["detected after", seconds(failover.startedAtMs - killedAtMs)],
    ["closing and promotion took", seconds(failover.finishedAtMs - failover.startedAtMs)],
    ["first acknowledged write after", firstWriteAtMs === null ? "never" : seconds(firstWriteAtMs - killedAtMs)],
    ["requests failed", `${run.writesFailed} writes, ${run.readsFailed} reads`],
    ["writes acknowledged", String(run.writesAcknowledged)],
    ["found after promotion", String(run.found)],
    ["missing", `${run.missing} (the watchdog's estimate: ${atLeast} to ${atMost ?? "unknown"})`],
  ];
}

/**
 * What is wrong with the run; empty when writes resumed and the estimate holds. The estimate counts operations: a write
 * that failed for its client may be among them, so the failed ones widen it at the lower end.
 */
export function faultsOf(run: FailoverRun): readonly string[] {
  const { atLeast, atMost } = run.failover.loss;
  const faults: string[] = [];
  if (run.firstWriteAtMs === null) faults.push("no write was acknowledged after the failover");
  if (run.found + run.missing !== run.writesAcknowledged) {
    faults.push(`${run.writesAcknowledged} writes were acknowledged, but ${run.found + run.missing} are accounted for`);
  }
  if (atMost === null) faults.push("the watchdog gave no upper bound for the loss");
  else if (run.missing > atMost) faults.push(`${run.missing} writes are missing, more than the estimate's ${atMost}`);
  if (run.missing + run.writesFailed < atLeast) {
    faults.push(`the watchdog says that at least ${atLeast} operations are missing, but only ${run.missing} are`);
  }
  return faults;
}

/** A table of two columns. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([what]) => what.length));
  return rows.map(([what, value]) => `  ${what.padEnd(width)}  ${value}`).join("\n");
}
