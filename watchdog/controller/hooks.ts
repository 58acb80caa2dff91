import type { HookSettings } from "../config/hooks.ts";
import type { HookPhase, HookReport, HookReports, HookRun } from "../core/state/hooks.ts";
import { messageOf } from "../util/errors.ts";
import type { WatchdogContext } from "./context.ts";

const slots = { "before-closing": "before", "after-opening": "after" } as const satisfies Record<
  HookPhase,
  keyof HookReports
>;

/**
 * Runs operators' hooks, one after the other, beside the loops: no loop waits for a program. What they lead to is decided
 * by the rules, from the report of the run.
 */
export class HookRunner {
  readonly #context: WatchdogContext;
  readonly #running = new Set<HookPhase>();

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  /** Returns at once; to be called again and again while the run is wanted. Runs of the same phase do not overlap. */
  start(run: HookRun): void {
    if (this.#running.has(run.phase)) return;
    this.#running.add(run.phase);
    this.#report(run, { state: "running", words: null });
    this.#run(run).finally(() => {
      this.#running.delete(run.phase);
      this.#context.wakeDecide.trigger();
    });
  }

  async #run(run: HookRun): Promise<void> {
    const { config, actionBlockers } = this.#context;
    for (const hook of hooksOf(run.phase, config.hooks)) {
      // Another controller runs them all: it does not know how far this one came.
      if (actionBlockers().length > 0) return this.#forget(run);
      const failure = await this.#runOne(hook, run);
      if (failure !== null && "onFailure" in hook && hook.onFailure === "stop") {
        return this.#report(run, { state: "stopped", words: failure });
      }
    }
    this.#report(run, { state: "done", words: null });
  }

  /** Why it failed; null when it did not. */
  async #runOne(hook: HookSettings, run: HookRun): Promise<string | null> {
    const { hooks, signal, clock, log, observed } = this.#context;
    const [program] = hook.command;
    const beganMs = clock.monotonicMs();
    const fieldsNow = () => {
      const { phase, change, epoch } = run;
      return {
        event: "hook" as const,
        phase,
        change,
        epoch,
        program,
        durationMs: Math.round(clock.monotonicMs() - beganMs),
      };
    };
    try {
      if (hooks === null) throw new Error(`${program} cannot be run: this watchdog runs no programs`);
      const output = await hooks.run(hook, run, signal);
      observed.activity.hooks.add({ phase: run.phase, outcome: "done" });
      log.info(fieldsNow(), `the hook ${program} ${of(run)} has ended${output === "" ? "" : `: ${output}`}`);
      return null;
    } catch (error) {
      const failure = messageOf(error);
      observed.activity.hooks.add({ phase: run.phase, outcome: "failed" });
      log.warn({ ...fieldsNow(), error: failure }, `the hook ${of(run)} has failed: ${failure}`);
      return failure;
    }
  }

  #report({ phase, id }: HookRun, news: Pick<HookReport, "state" | "words">): void {
    const { observed, clock } = this.#context;
    observed.hooks = { ...observed.hooks, [slots[phase]]: { id, atMs: clock.nowMs(), ...news } };
  }

  #forget({ phase }: HookRun): void {
    const { observed } = this.#context;
    observed.hooks = { ...observed.hooks, [slots[phase]]: null };
  }
}

const hooksOf = (phase: HookPhase, { beforeClosing, afterOpening }: WatchdogContext["config"]["hooks"]) =>
  phase === "before-closing" ? beforeClosing : afterOpening;

const of = ({ phase, change, to, epoch }: HookRun): string =>
  phase === "before-closing"
    ? `before the ${change} to ${to} closes routers under epoch ${epoch}`
    : `after the ${change} to ${to}, whose end opened routers under epoch ${epoch}`;
