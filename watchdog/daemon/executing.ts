import { carryingRule, isSamePlan, plannedOf, regionOfPlan, withPlan } from "../core/planned.ts";
import { currentStep, describeStep, extended, withStep } from "../core/promotion.ts";
import type { Plan, PlannedRecord, PlanStep } from "../core/record.ts";
import { otherRegion } from "../core/situation.ts";
import { messageOf } from "./loop.ts";
import type { StepReport } from "./status.ts";
import { LateFollowers, runStep } from "./steps.ts";
import type { Workings } from "./workings.ts";

/** Somebody else wrote the record at the same time, or another watchdog leads by now. */
const CONFLICT_PAUSE_MS = 200;
const FINISH_ATTEMPTS = 5;

/** A step that failed is tried again after this long, then after twice that, up to the limit. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/**
 * Carries a plan out, step by step. Each step is marked in the store before it begins and after it ended, so that
 * another watchdog can go on at any point; every step may be run any number of times.
 */
export class PlanExecutor {
  readonly #workings: Workings;
  #isRunning = false;
  #notBeforeMonotonicMs = 0;
  #nextAttemptAtMs: number | null = null;

  constructor(workings: Workings) {
    this.#workings = workings;
  }

  report(): readonly StepReport[] | null {
    const record = plannedOf(this.#workings.knowledge.record);
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

  /** Starts, or goes on with, the plan of the present record. Returns at once; asked again and again while it stands. */
  carryOn(): void {
    const { clock, signal, log, decide } = this.#workings;
    if (this.#isRunning || clock.monotonicMs() < this.#notBeforeMonotonicMs) return;
    this.#isRunning = true;
    this.#run()
      .catch((error: unknown) => {
        if (!signal.aborted)
          log.error({ event: "step-error", error: messageOf(error) }, `carrying the plan out: ${messageOf(error)}`);
        this.#notBeforeMonotonicMs = clock.monotonicMs() + RETRY_FIRST_MS;
      })
      .finally(() => {
        this.#isRunning = false;
        decide.ring();
      });
  }

  async #run(): Promise<void> {
    while (await this.#runOne()) {
      // The next step follows at once; what decides is asked again only when a step failed or all are done.
    }
  }

  /** One step; true when the next may follow at once. */
  async #runOne(): Promise<boolean> {
    const { store, reasonsNotToAct, signal, clock, clusters, config, salvage } = this.#workings;
    const stored = await store.read();
    const begun = plannedOf(stored?.record ?? null);
    if (stored === null || begun === null || signal.aborted || reasonsNotToAct().length > 0) return false;
    const step = currentStep(begun.plan);
    const region = regionOfPlan(begun, config);
    const [cluster, other] = [clusters[region], clusters[otherRegion(config, region)]];
    if (step === null || cluster === undefined || other === undefined) return false;
    const running: PlanStep = {
      ...step,
      status: "running",
      attempts: step.attempts + 1,
      startedAtMs: step.startedAtMs ?? clock.nowMs(),
    };
    const record = await this.#put(begun, stored.revision, withStep(begun.plan, running), running);
    if (record === null) return false;
    const mayAct = () => this.#demandStill(record);
    try {
      const recorded = await runStep({ cluster, other, salvage, record, config, clock, signal, mayAct }, running);
      const done: PlanStep = { ...recorded, status: "done", finishedAtMs: clock.nowMs(), error: null };
      return await this.#finish(record, done, (plan) => withStep(plan, done));
    } catch (error) {
      if (signal.aborted) return false;
      return await this.#failed(record, running, error);
    }
  }

  /** Throws when this watchdog doubts itself, leads no longer, or knows a record in which the plan stands no longer. */
  #demandStill(record: PlannedRecord): void {
    const { reasonsNotToAct, knowledge } = this.#workings;
    const reasons = reasonsNotToAct();
    if (reasons.length > 0) throw new Error(`interrupted: ${reasons.join("; ")}`);
    const known = knowledge.record;
    if (known !== null && known.epoch >= record.epoch && !isSamePlan(plannedOf(known), record)) {
      throw new Error(`interrupted: the ${record.plan.kind} is no longer what is to be done`);
    }
  }

  async #failed(record: PlannedRecord, step: PlanStep, error: unknown): Promise<boolean> {
    const { clock } = this.#workings;
    const failed: PlanStep = { ...step, status: "failed", error: messageOf(error) };
    if (error instanceof LateFollowers) {
      return this.#finish(record, failed, (plan) => extended(plan, error.indices));
    }
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(step.attempts - 1, 10));
    this.#notBeforeMonotonicMs = clock.monotonicMs() + delayMs;
    this.#nextAttemptAtMs = clock.nowMs() + delayMs;
    await this.#finish(record, failed, (plan) => withStep(plan, failed));
    return false;
  }

  /** Writes how a step ended into whatever the record is by now, unless the change itself is over. */
  async #finish(begun: PlannedRecord, step: PlanStep, change: (plan: Plan) => Plan): Promise<boolean> {
    for (let attempt = 0; attempt < FINISH_ATTEMPTS; attempt += 1) {
      const stored = await this.#workings.store.read();
      const now = plannedOf(stored?.record ?? null);
      if (stored === null || now === null || !isSamePlan(now, begun)) return false;
      if ((await this.#put(now, stored.revision, change(now.plan), step)) !== null) return true;
    }
    return false;
  }

  /** null when somebody else wrote first, or leads by now. */
  async #put(record: PlannedRecord, revision: string, plan: Plan, step: PlanStep): Promise<PlannedRecord | null> {
    const { store, clock, config, log, keepCopy } = this.#workings;
    const next = withPlan(record, plan);
    const sentence = `${describeStep(step)}: ${step.status}${step.error === null ? "" : `, ${step.error}`}`;
    const entry = {
      atMs: clock.nowMs(),
      epoch: next.epoch,
      rule: carryingRule[plan.kind],
      explanation: sentence,
      watchdog: config.name,
    };
    if (this.#workings.reasonsNotToAct().length > 0) return null;
    if ((await store.write(next, revision, entry)) === "conflict") {
      this.#notBeforeMonotonicMs = clock.monotonicMs() + CONFLICT_PAUSE_MS;
      return null;
    }
    await keepCopy(next);
    const fields = { event: "step", step: step.kind, status: step.status, epoch: next.epoch, attempts: step.attempts };
    log[step.status === "failed" ? "warn" : "info"](fields, `${plan.kind}: ${sentence}`);
    return next;
  }
}
