import { describeStep } from "../../core/plans/describe-step.ts";
import { isSamePlan, plannedOf, ruleOfPlan, withPlan } from "../../core/plans/planned.ts";
import { awaitsDecision } from "../../core/plans/rejoin.ts";
import type { HistoryEntry } from "../../core/state/history.ts";
import { currentStep, type PlanStep, withStep } from "../../core/state/plan.ts";
import { isNewer, type PlannedRecord } from "../../core/state/record.ts";
import type { WatchdogContext } from "../context.ts";

/** After a concurrent write of the record, or a change of the controller. */
const CONFLICT_PAUSE_MS = 200;
const FINISH_ATTEMPTS = 5;

/** Delay before a failed step is retried, doubled with each attempt up to the limit. */
export const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** A step that is marked as running in the store, and the revision of the record with the mark. */
export interface RunningStep {
  readonly record: PlannedRecord;
  readonly revision: string;
  readonly step: PlanStep;
}

/**
 * Writes a plan's progress to the store. A step is marked before it begins and after it has ended, so that another
 * watchdog can continue at any point. One write marks a step as done and the next one as running, on top of the
 * record as written before: the store may be an ocean away.
 */
export class PlanProgress {
  readonly #context: WatchdogContext;
  #notBeforeMonotonicMs = 0;
  /** The record whose plan pauses after a failure; null for a pause of any plan. */
  #failed: PlannedRecord | null = null;
  #nextAttemptAtMs: number | null = null;

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  /** Whether the plan pauses after a failure or a conflict. A plan that replaces one that failed begins at once. */
  isPausedFor(record: PlannedRecord | null): boolean {
    if (this.#context.clock.monotonicMs() >= this.#notBeforeMonotonicMs) return false;
    return this.#failed === null || isSamePlan(this.#failed, record);
  }

  /** When a failed step is retried. */
  get nextAttemptAtMs(): number | null {
    return this.#nextAttemptAtMs;
  }

  pause(ms: number): void {
    this.#notBeforeMonotonicMs = this.#context.clock.monotonicMs() + ms;
    this.#failed = null;
  }

  retryDelayMs({ attempts }: PlanStep): number {
    return Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 10));
  }

  pauseAfterFailure({ record, step }: Pick<RunningStep, "record" | "step">): void {
    const delayMs = this.retryDelayMs(step);
    this.pause(delayMs);
    this.#failed = record;
    this.#nextAttemptAtMs = this.#context.clock.nowMs() + delayMs;
  }

  /** Marks the plan's next step as running; null when none may run, or on a conflict. */
  async begin(record: PlannedRecord, revision: string): Promise<RunningStep | null> {
    const running = await this.#write(record, revision, null);
    return running === "conflict" ? null : running;
  }

  /**
   * Writes how a step ended into the record as it is by now, unless the plan is no longer in it, and marks the next step
   * as running; null when none may run.
   */
  async finish(
    { record: begun, revision }: RunningStep,
    ended: PlanStep,
    change: (now: PlannedRecord) => PlannedRecord,
  ): Promise<RunningStep | null> {
    let now = { record: begun, revision };
    for (let attempt = 0; attempt < FINISH_ATTEMPTS; attempt += 1) {
      const next = await this.#write(change(now.record), now.revision, ended);
      if (next !== "conflict") return next;
      const stored = await this.#context.store.read();
      const record = plannedOf(stored?.record ?? null);
      if (stored === null || record === null || !isSamePlan(record, begun)) return null;
      now = { record, revision: stored.revision };
    }
    return null;
  }

  async #write(
    record: PlannedRecord,
    revision: string,
    ended: PlanStep | null,
  ): Promise<RunningStep | null | "conflict"> {
    const { store, clock, observed } = this.#context;
    const { plan } = record;
    const step = this.#nextOf(record);
    const subject = ended ?? step;
    if (subject === null || this.#context.actionBlockers().length > 0) return null;
    const next = withPlan(record, step === null ? plan : withStep(plan, step));
    const written = await store.write(next, revision, this.#entryOf(next, subject));
    if (written === "conflict") {
      this.#notBeforeMonotonicMs = Math.max(this.#notBeforeMonotonicMs, clock.monotonicMs() + CONFLICT_PAUSE_MS);
      return "conflict";
    }
    await this.#context.saveCopy(next);
    // A late answer must not replace a newer record.
    if (observed.record === null || isNewer(next, observed.record)) {
      observed.adoptRecord(next, clock.monotonicMs());
    }
    if (ended !== null) this.#log(next, ended);
    if (step === null) return null;
    this.#log(next, step);
    return { record: next, revision: written.revision, step };
  }

  /** The step to run now, marked as running; null when all are done, or the next one pauses after a failure. */
  #nextOf(record: PlannedRecord): PlanStep | null {
    const { clock, signal } = this.#context;
    const { plan } = record;
    const step = currentStep(plan);
    if (step === null || signal.aborted) return null;
    if (awaitsDecision(plan)) return null;
    if (step.status === "failed" && this.isPausedFor(record)) return null;
    return {
      ...step,
      status: "running",
      attempts: step.attempts + 1,
      startedAtMs: step.startedAtMs ?? clock.nowMs(),
    };
  }

  #entryOf({ epoch, plan }: PlannedRecord, step: PlanStep): HistoryEntry {
    const { clock, config } = this.#context;
    const rule = ruleOfPlan[plan.kind];
    return { atMs: clock.nowMs(), epoch, rule, explanation: sentenceOf(step), watchdog: config.name };
  }

  #log({ epoch, plan }: PlannedRecord, step: PlanStep): void {
    const { kind, status, attempts } = step;
    const fields = { event: "step" as const, step: kind, status, epoch, attempts };
    this.#context.log[status === "failed" ? "warn" : "info"](fields, `${plan.kind}: ${sentenceOf(step)}`);
  }
}

const sentenceOf = (step: PlanStep) =>
  `${describeStep(step)}: ${step.status}${step.error === null ? "" : `, ${step.error}`}`;
