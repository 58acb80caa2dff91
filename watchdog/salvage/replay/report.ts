import type { ConditionalWrite } from "../ports.ts";
import type { Receipt } from "../receipt.ts";
import type { Outcome } from "./journal.ts";
import type { SkipReason } from "./replay-plan.ts";

export interface ReplayReport {
  readonly dryRun: boolean;
  /** Indices that were created, or would be in a dry run. */
  readonly created: readonly string[];
  /** Operations that were sent, or would be sent in a dry run. */
  readonly attempted: number;
  readonly outcomes: Readonly<Record<Outcome["outcome"], number>>;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  /** The first few failures, with the cluster's reason; an empty id is the index itself. */
  readonly failures: readonly { readonly index: string; readonly id: string; readonly reason: string }[];
}

const MAX_FAILURES = 20;

/** Counts while a replay runs. */
export class ReplayTally {
  readonly #dryRun: boolean;
  readonly #created: string[] = [];
  #attempted = 0;
  readonly #outcomes = { written: 0, present: 0, changed: 0, failed: 0 };
  readonly #skipped = {
    settled: 0,
    same: 0,
    older: 0,
    "not-chosen": 0,
    "may-be-deleted": 0,
    "no-source": 0,
    "index-absent": 0,
  };
  readonly #failures: { index: string; id: string; reason: string }[] = [];

  constructor(dryRun: boolean) {
    this.#dryRun = dryRun;
  }

  create(index: string): void {
    this.#created.push(index);
  }

  /** The report of a replay that could not create its index. */
  refused({ index, operations }: Receipt, reason: string): ReplayReport {
    this.#outcomes.failed += operations.count;
    this.#failures.push({ index, id: "", reason });
    return this.report();
  }

  attempt(): void {
    this.#attempted += 1;
  }

  skip(reason: SkipReason): void {
    this.#skipped[reason] += 1;
  }

  add({ index, id }: ConditionalWrite, { outcome, reason }: Outcome): void {
    this.#outcomes[outcome] += 1;
    if (outcome !== "failed" || this.#failures.length >= MAX_FAILURES) return;
    this.#failures.push({ index, id, reason: reason ?? "no reason given" });
  }

  report(): ReplayReport {
    return {
      dryRun: this.#dryRun,
      created: [...this.#created],
      attempted: this.#attempted,
      outcomes: { ...this.#outcomes },
      skipped: { ...this.#skipped },
      failures: [...this.#failures],
    };
  }
}

/** One report for the replays of several indices. */
export function mergedReport(reports: readonly ReplayReport[], dryRun: boolean): ReplayReport {
  const merged = new ReplayTally(dryRun).report();
  return reports.reduce(
    (sum, each) => ({
      dryRun,
      created: [...sum.created, ...each.created],
      attempted: sum.attempted + each.attempted,
      outcomes: added(sum.outcomes, each.outcomes),
      skipped: added(sum.skipped, each.skipped),
      failures: [...sum.failures, ...each.failures].slice(0, MAX_FAILURES),
    }),
    merged,
  );
}

const added = <K extends string>(a: Readonly<Record<K, number>>, b: Readonly<Record<K, number>>): Record<K, number> => {
  const sum: Record<K, number> = { ...a };
  for (const key in b) sum[key] += b[key];
  return sum;
};
