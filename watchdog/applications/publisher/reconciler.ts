import type { Clock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import type { Logger } from "../../util/logger.ts";
import { Wakeup } from "../../util/wakeup.ts";
import type { Outcome, PublishableState, Target } from "./targets/target.ts";

/** Pause after the first failure in a row; doubled after each further one. */
const RETRY_MIN_MS = 1_000;

export interface ReconcilerOptions {
  readonly target: Target;
  /** The newest state to publish; null while there is none. */
  readonly wanted: () => PublishableState | null;
  readonly checkIntervalMs: number;
  readonly retryMaxMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after each attempt. */
  readonly attempted: (report: TargetReport) => void;
}

/** State of a target, for `publish status`. */
export interface TargetReport {
  readonly name: string;
  /** In a sentence. */
  readonly summary: string;
  readonly usedEpoch: number | null;
  readonly notifiedEpoch: number | null;
  readonly waitingFor: string | null;
  readonly warnings: readonly string[];
  /** Why the last attempt failed; null: it succeeded. */
  readonly error: string | null;
  /** Failures in a row. */
  readonly failures: number;
  readonly nextAttemptAtMs: number | null;
}

/** Keeps a target in the wanted state: updates it at once after a change, and checks it regularly otherwise. */
export class TargetReconciler {
  readonly #options: ReconcilerOptions;
  readonly #wakeup = new Wakeup();
  #report: TargetReport;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#report = {
      name: options.target.name,
      summary: "nothing to publish yet",
      usedEpoch: null,
      notifiedEpoch: null,
      waitingFor: null,
      warnings: [],
      error: null,
      failures: 0,
      nextAttemptAtMs: null,
    };
  }

  report(): TargetReport {
    return this.#report;
  }

  /** Publishes a newer state at once, even after failures. */
  trigger(): void {
    this.#report = { ...this.#report, failures: 0 };
    this.#wakeup.trigger();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { wanted, clock, checkIntervalMs, attempted } = this.#options;
    while (!signal.aborted) {
      const state = wanted();
      let restMs = checkIntervalMs;
      if (state !== null) {
        restMs = await this.#attempt(state, signal);
        if (signal.aborted) return;
        this.#report = { ...this.#report, nextAttemptAtMs: clock.nowMs() + restMs };
        attempted(this.#report);
      }
      await this.#wakeup.wait(clock, restMs, signal).catch(() => {});
    }
  }

  /** Returns the pause until the next attempt. */
  async #attempt(state: PublishableState, signal: AbortSignal): Promise<number> {
    const { target, wanted, checkIntervalMs, retryMaxMs } = this.#options;
    try {
      this.#succeeded(await target.publish(state, () => wanted() === state));
      // 0: a newer state arrived during the attempt.
      return wanted() === state ? checkIntervalMs : 0;
    } catch (error) {
      if (signal.aborted) return 0;
      this.#failed(messageOf(error));
      return Math.min(retryMaxMs, RETRY_MIN_MS * 2 ** Math.min(20, this.#report.failures - 1));
    }
  }

  #succeeded(outcome: Outcome): void {
    const { log, target } = this.#options;
    const before = this.#report;
    this.#report = { ...outcome, name: target.name, error: null, failures: 0, nextAttemptAtMs: null };
    if (before.error !== null)
      log.info({ event: "publish-recovered", target: target.name }, `${target.name}: ${outcome.summary}`);
    if (outcome.waitingFor !== null && outcome.waitingFor !== before.waitingFor) {
      log.info({ event: "waiting", target: target.name }, `${target.name}: ${outcome.waitingFor}`);
    }
    for (const warning of outcome.warnings) {
      if (!before.warnings.includes(warning))
        log.warn({ event: "warning", target: target.name }, `${target.name}: ${warning}`);
    }
  }

  /** Logs an error only once, so that retries do not flood the log. */
  #failed(error: string): void {
    const { log, target } = this.#options;
    if (error !== this.#report.error) log.error({ event: "publish-error", target: target.name, error }, error);
    this.#report = { ...this.#report, error, failures: this.#report.failures + 1 };
  }
}
