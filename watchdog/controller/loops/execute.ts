import { describeStep } from "../../core/plans/describe-step.ts";
import { isSamePlan, plannedOf, regionOfPlan, ruleOfPlan, withPlan } from "../../core/plans/planned.ts";
import { withLateFollowers } from "../../core/plans/promotion.ts";
import type { StoredRecord } from "../../core/ports/store.ts";
import type { HistoryEntry } from "../../core/state/history.ts";
import type { Plan, PlanStep } from "../../core/state/plan.ts";
import { currentStep, withStep } from "../../core/state/plan.ts";
import { isNewer, type PlannedRecord } from "../../core/state/record.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import type { StepReport } from "../status.ts";
import { runStep } from "../steps/runner.ts";
import { LateFollowers } from "../steps/verify.ts";

/** Somebody else wrote the record at the same time, or another watchdog leads by now. */
const CONFLICT_PAUSE_MS = 200;
const FINISH_ATTEMPTS = 5;

/** A step that failed is tried again after this long, then after twice that, up to the limit. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** A step that the store says is under way, and the revision of the record that says so. */
interface StepUnderWay {
  readonly record: PlannedRecord;
  readonly revision: string;
  readonly step: PlanStep;
}

/**
 * Carries a plan out, step by step. Each step is marked in the store before it begins and after it ended, so that
 * another watchdog can go on at any point; every step may be run any number of times. That one step is done and that the
 * next one begins is one write, on top of the record as written before: the store may be an ocean away.
 */
export class PlanExecutor {
  readonly #context: WatchdogContext;
  #isRunning = false;
  #notBeforeMonotonicMs = 0;
  #nextAttemptAtMs: number | null = null;

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  report(): readonly StepReport[] | null {
    const record = plannedOf(this.#context.observed.record);
    if (record === null) return null;
    const current = currentStep(record.plan);
    return record.plan.steps.map((step) => ({
      kind: step.kind,
      status: step.status,
      detail: describeStep(step),
      attempts: step.attempts,
      error: step.error,
      startedAtMs: step.startedAtMs,
      finishedAtMs: step.finishedAtMs,
      nextAttemptAtMs: step === current && step.status === "failed" ? this.#nextAttemptAtMs : null,
    }));
  }

  /**
   * Starts, or goes on with, the plan of this record, unless somebody writes another one. Returns at once; asked again
   * and again while the plan stands.
   */
  start(from: StoredRecord): void {
    const { clock, signal, log, wakeDecide } = this.#context;
    if (this.#isRunning || clock.monotonicMs() < this.#notBeforeMonotonicMs) return;
    this.#isRunning = true;
    this.#run(from)
      .catch((error: unknown) => {
        if (!signal.aborted)
          log.error({ event: "step-error", error: messageOf(error) }, `carrying the plan out: ${messageOf(error)}`);
        this.#notBeforeMonotonicMs = clock.monotonicMs() + RETRY_FIRST_MS;
      })
      .finally(() => {
        this.#isRunning = false;
        wakeDecide.trigger();
      });
  }

  /** Step after step; what decides is asked again only when a step failed or all are done. */
  async #run({ record, revision }: StoredRecord): Promise<void> {
    const planned = plannedOf(record);
    let underWay = planned === null ? null : await this.#put(planned, revision, planned.plan, null);
    while (underWay !== null && underWay !== "conflict") underWay = await this.#runOne(underWay);
  }

  /** Runs the step, and says in the store how it ended and which one begins; null when none does. */
  async #runOne(underWay: StepUnderWay): Promise<StepUnderWay | null> {
    const { actionBlockers, signal, clock, clusters, config, salvage } = this.#context;
    const { record, step } = underWay;
    const region = regionOfPlan(record, config);
    const [cluster, other] = [clusters[region], clusters[otherRegion(config, region)]];
    if (cluster === undefined || other === undefined || signal.aborted || actionBlockers().length > 0) return null;
    const assertStillController = () => this.#assertStillController(record);
    try {
      const recorded = await runStep(
        { cluster, other, salvage, record, config, clock, signal, assertStillController },
        step,
      );
      const done: PlanStep = { ...recorded, status: "done", finishedAtMs: clock.nowMs(), error: null };
      return await this.#finish(underWay, done, (plan) => withStep(plan, done));
    } catch (error) {
      if (signal.aborted) return null;
      return await this.#failed(underWay, error);
    }
  }

  /** Throws when this watchdog doubts itself, leads no longer, or knows a record in which the plan stands no longer. */
  #assertStillController(record: PlannedRecord): void {
    const { actionBlockers, observed } = this.#context;
    const reasons = actionBlockers();
    if (reasons.length > 0) throw new Error(`interrupted: ${reasons.join("; ")}`);
    const known = observed.record;
    if (known !== null && known.epoch >= record.epoch && !isSamePlan(plannedOf(known), record)) {
      throw new Error(`interrupted: the ${record.plan.kind} is no longer what is to be done`);
    }
  }

  async #failed(underWay: StepUnderWay, error: unknown): Promise<StepUnderWay | null> {
    const { clock } = this.#context;
    const { step } = underWay;
    const failed: PlanStep = { ...step, status: "failed", error: messageOf(error) };
    if (error instanceof LateFollowers) {
      return this.#finish(underWay, failed, (plan) => withLateFollowers(plan, error.indices));
    }
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(step.attempts - 1, 10));
    this.#notBeforeMonotonicMs = clock.monotonicMs() + delayMs;
    this.#nextAttemptAtMs = clock.nowMs() + delayMs;
    return this.#finish(underWay, failed, (plan) => withStep(plan, failed));
  }

  /** Writes how a step ended into whatever the record is by now, unless the change itself is over. */
  async #finish(
    { record: begun, revision }: StepUnderWay,
    ended: PlanStep,
    change: (plan: Plan) => Plan,
  ): Promise<StepUnderWay | null> {
    let now = { record: begun, revision };
    for (let attempt = 0; attempt < FINISH_ATTEMPTS; attempt += 1) {
      const next = await this.#put(now.record, now.revision, change(now.record.plan), ended);
      if (next !== "conflict") return next;
      const stored = await this.#context.store.read();
      const record = plannedOf(stored?.record ?? null);
      if (stored === null || record === null || !isSamePlan(record, begun)) return null;
      now = { record, revision: stored.revision };
    }
    return null;
  }

  /**
   * Writes the plan: how a step ended, if one did, and that the next one begins, if it may. Null when none begins,
   * "conflict" when somebody else wrote first or leads by now.
   */
  async #put(
    record: PlannedRecord,
    revision: string,
    plan: Plan,
    ended: PlanStep | null,
  ): Promise<StepUnderWay | null | "conflict"> {
    const { store, clock, observed, saveCopy, actionBlockers } = this.#context;
    const step = this.#nextOf(plan);
    const told = ended ?? step;
    if (told === null || actionBlockers().length > 0) return null;
    const next = withPlan(record, step === null ? plan : withStep(plan, step));
    const written = await store.write(next, revision, this.#entryOf(next, told));
    if (written === "conflict") {
      this.#notBeforeMonotonicMs = Math.max(this.#notBeforeMonotonicMs, clock.monotonicMs() + CONFLICT_PAUSE_MS);
      return "conflict";
    }
    await saveCopy(next);
    // Unless it was answered so late that a newer one is known already.
    if (observed.record === null || isNewer(next, observed.record)) {
      observed.adoptRecord(next, clock.monotonicMs());
    }
    if (ended !== null) this.#log(next, ended);
    if (step === null) return null;
    this.#log(next, step);
    return { record: next, revision: written.revision, step };
  }

  /** The step that is to run now, as begun; null when all are done, or the next one has to wait after a failure. */
  #nextOf(plan: Plan): PlanStep | null {
    const { clock, signal } = this.#context;
    const step = currentStep(plan);
    if (step === null || signal.aborted) return null;
    if (step.status === "failed" && clock.monotonicMs() < this.#notBeforeMonotonicMs) return null;
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
    const fields = { event: "step", step: kind, status, epoch, attempts };
    this.#context.log[status === "failed" ? "warn" : "info"](fields, `${plan.kind}: ${sentenceOf(step)}`);
  }
}

const sentenceOf = (step: PlanStep) =>
  `${describeStep(step)}: ${step.status}${step.error === null ? "" : `, ${step.error}`}`;
