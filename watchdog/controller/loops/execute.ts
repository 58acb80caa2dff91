import { describeStep } from "../../core/plans/describe-step.ts";
import { withFollowersChanged, withStuckLeftOut } from "../../core/plans/left-out.ts";
import { isSamePlan, plannedOf, regionOfPlan } from "../../core/plans/planned.ts";
import type { AliasKnowledge } from "../../core/plans/write-aliases.ts";
import type { StoredRecord } from "../../core/ports/store.ts";
import { currentStep, isIrreversible, type Plan, type PlanStep, withStep } from "../../core/state/plan.ts";
import type { PlannedRecord } from "../../core/state/record.ts";
import { withReason } from "../../core/state/record-fields.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { closedForMs, leavesOut } from "../../core/state/stuck.ts";
import { withMarks } from "../../core/state/write-blocks.ts";
import { messageOf } from "../../util/errors.ts";
import { count, listed } from "../../util/text.ts";
import { confirmController } from "../confirm.ts";
import type { WatchdogContext } from "../context.ts";
import type { StepReport } from "../status.ts";
import { FollowersChanged } from "../steps/followers-changed.ts";
import { IndicesStuck } from "../steps/indices-stuck.ts";
import { runStep } from "../steps/runner.ts";
import { UnmarkedIndices } from "../steps/write-blocks.ts";
import { PlanProgress, RETRY_FIRST_MS, type RunningStep } from "./plan-progress.ts";

/** Executes a plan step by step. Every step may run any number of times, also by another watchdog. */
export class PlanExecutor {
  readonly #context: WatchdogContext;
  readonly #progress: PlanProgress;
  #isRunning = false;

  constructor(context: WatchdogContext) {
    this.#context = context;
    this.#progress = new PlanProgress(context);
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
      nextAttemptAtMs: step === current && step.status === "failed" ? this.#progress.nextAttemptAtMs : null,
    }));
  }

  /**
   * Starts or continues the plan of this record, until another one is written. Returns at once, and does nothing while
   * the plan runs or pauses: to be called again and again while the plan is in the record.
   */
  start(from: StoredRecord): void {
    const { signal, log, wakeDecide } = this.#context;
    if (this.#isRunning || this.#progress.isPausedFor(plannedOf(from.record))) return;
    this.#isRunning = true;
    this.#run(from)
      .catch((error: unknown) => {
        const message = messageOf(error);
        if (!signal.aborted) log.error({ event: "step-error", error: message }, `executing the plan: ${message}`);
        this.#progress.pause(RETRY_FIRST_MS);
      })
      .finally(() => {
        this.#isRunning = false;
        wakeDecide.trigger();
      });
  }

  /** Step after step; the rules decide again only when a step failed or all are done. */
  async #run({ record, revision }: StoredRecord): Promise<void> {
    const planned = plannedOf(record);
    let running = planned === null ? null : await this.#progress.begin(planned, revision);
    while (running !== null) running = await this.#runOne(running);
  }

  /** Runs the step, and returns the one that begins next; null when none does. */
  async #runOne(running: RunningStep): Promise<RunningStep | null> {
    const { actionBlockers, signal, clock, clusters, config, salvage } = this.#context;
    const { record, step } = running;
    const region = regionOfPlan(record, config);
    const [cluster, other] = [clusters[region], clusters[otherRegion(config, region)]];
    if (cluster === undefined || other === undefined || signal.aborted || actionBlockers().length > 0) return null;
    const assertStillController = () => this.#assertStillController(record);
    const confirmed = () => this.#confirmController(record);
    try {
      const context = {
        cluster,
        other,
        salvage,
        record,
        config,
        clock,
        signal,
        assertStillController,
        confirmController: confirmed,
      };
      const recorded = await runStep(context, step);
      const done: PlanStep = { ...recorded, status: "done", finishedAtMs: clock.nowMs(), error: null };
      return await this.#progress.finish(running, done, (now) => ({ ...now, plan: withStep(now.plan, done) }));
    } catch (error) {
      if (signal.aborted) return null;
      return await this.#fail(running, error);
    }
  }

  /** Throws when the self-check fails, another watchdog is the controller, or a known record has another plan. */
  #assertStillController(record: PlannedRecord): void {
    const { actionBlockers, observed } = this.#context;
    const blockers = actionBlockers();
    if (blockers.length > 0) throw new Error(`interrupted: ${blockers.join("; ")}`);
    const newest = observed.record;
    if (newest !== null && newest.epoch >= record.epoch && !isSamePlan(plannedOf(newest), record)) {
      throw new Error(`interrupted: the ${record.plan.kind} is no longer the plan of the record`);
    }
  }

  /** Also refuses once an operator has paused automatic changes: what is destroyed cannot be brought back. */
  async #confirmController(record: PlannedRecord): Promise<void> {
    this.#assertStillController(record);
    await confirmController(this.#context, (now) => now.paused === null && isSamePlan(plannedOf(now), record));
  }

  #fail(running: RunningStep, error: unknown): Promise<RunningStep | null> {
    const failed: PlanStep = { ...running.step, status: "failed", error: messageOf(error) };
    if (error instanceof FollowersChanged && mayLeaveOut(running.record.plan, error)) {
      return this.#progress.finish(running, failed, (now) => this.#withFollowersChanged(now, error));
    }
    const withFailed = (now: PlannedRecord) => ({ ...now, plan: withStep(now.plan, failed) });
    if (error instanceof IndicesStuck && this.#leavesOut(running, error)) {
      const names = listed(error.stuck.map(withReason));
      const ended = { ...failed, error: `left out after ${count(failed.attempts, "attempt")}: ${names}` };
      return this.#progress.finish(running, ended, (now) => this.#withStuckLeftOut(now, error));
    }
    if (error instanceof UnmarkedIndices) {
      const marked = (now: PlannedRecord) => ({
        ...withFailed(now),
        writeBlocks: withMarks(now, error.region, error.indices),
      });
      return this.#progress.finish(running, failed, marked);
    }
    this.#progress.pauseAfterFailure(running);
    return this.#progress.finish(running, failed, withFailed);
  }

  #leavesOut({ record, step }: RunningStep, { others }: IndicesStuck): boolean {
    const { clock, config, observed } = this.#context;
    const seen = { changeKnownForMs: observed.change.knownForMs(clock.monotonicMs()) };
    const closedMs = closedForMs({ record, seen, nowMs: clock.nowMs() });
    const retryInMs = this.#progress.retryDelayMs(step);
    return leavesOut(record, { step, others, closedForMs: closedMs, retryInMs }, config);
  }

  #withStuckLeftOut(record: PlannedRecord, { stuck }: IndicesStuck): PlannedRecord {
    return { ...record, plan: withStuckLeftOut(record.plan, stuck, this.#aliasKnowledge(record)) };
  }

  #withFollowersChanged(record: PlannedRecord, { change }: FollowersChanged): PlannedRecord {
    return { ...record, plan: withFollowersChanged(record.plan, change, this.#aliasKnowledge(record)) };
  }

  #aliasKnowledge(record: PlannedRecord): AliasKnowledge {
    const { observed, config } = this.#context;
    return {
      leader: record.phase === "promoting" ? record.leaderSight : null,
      indices: observed.standby?.indices ?? [],
      managed: config.replication,
    };
  }
}

/** A switchover that can still turn back leaves nothing out: it waits for the copy, or turns back. */
const mayLeaveOut = (plan: Plan, { change }: FollowersChanged) =>
  change.unfinished.length === 0 || plan.kind !== "switchover" || isIrreversible(plan);
