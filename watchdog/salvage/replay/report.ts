import type { ConditionalWrite } from "../ports.ts";
import type { Outcome } from "./journal.ts";
import type { SkipReason } from "./replay-plan.ts";

export interface ReplayReport {
  readonly dryRun: boolean;
  /** Operations that were sent, or would be sent in a dry run. */
  readonly attempted: number;
  readonly outcomes: Readonly<Record<Outcome["outcome"], number>>;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  /** The first few failures, with the cluster's reason. */
  readonly failures: readonly { readonly index: string; readonly id: string; readonly reason: string }[];
}

const MAX_FAILURES = 20;

/** Counts while a replay runs. */
export class ReplayTally {
  readonly #dryRun: boolean;
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
      attempted: this.#attempted,
      outcomes: { ...this.#outcomes },
      skipped: { ...this.#skipped },
      failures: [...this.#failures],
    };
  }
}
