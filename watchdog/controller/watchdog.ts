import type { RoutingState } from "../core/endpoint-state.ts";
import type { FailsafeAnswer, FailsafeQuestion } from "../core/failsafe.ts";
import type { KnownSituation } from "../core/preview.ts";
import { type Readiness, readiness } from "../core/readiness.ts";
import type { Applied, Command } from "../core/requests.ts";
import { explain, type RuleExplanation } from "../core/rules/explain.ts";
import type { CanaryState } from "../core/state/canary.ts";
import type { HistoryEntry } from "../core/state/history.ts";
import type { MemberSpace } from "../core/state/store-space.ts";
import { runLoop } from "../util/loop.ts";
import type { Activity } from "./activity.ts";
import { submitCommand } from "./commands.ts";
import { type Components, createComponents } from "./components.ts";
import { createContext, type WatchdogContext, type WatchdogParts } from "./context.ts";
import { Heartbeats } from "./heartbeats.ts";
import { watchdogLoops } from "./loops.ts";
import { observationsNow } from "./observations.ts";
import { readCopy } from "./record-copy.ts";
import { statusNow } from "./report-status.ts";
import type { Decision, WatchdogStatus } from "./status.ts";

export interface Watchdog {
  /** Runs until `signal` aborts and every loop has ended. Tickets and leases are left to expire. */
  run(signal: AbortSignal): Promise<void>;
  status(): WatchdogStatus;
  /** Every rule of the table: whether it holds now and, if not, its blockers; those that nearly hold come first. */
  explain(): readonly RuleExplanation[];
  /** The newest decision; null before the first one. */
  decision(): Decision | null;
  /** The input of a decision, as of now. */
  situation(): KnownSituation;
  /** Writes an operator's command to the state document, or refuses it. Throws when the store does not answer. */
  command(command: Command, by: string): Promise<Applied>;
  /** Whether a loss of the active region would lead to a failover now; null where this watchdog cannot tell. */
  readiness(): Readiness | null;
  /** The newest entries of the store's history, oldest first. Throws when the store does not answer. */
  history(limit: number): Promise<readonly HistoryEntry[]>;
  /** The routing state for applications, as of now; cheap enough to call for each of their requests. */
  routing(): RoutingState;
  /** Answers another watchdog that asks for a failsafe grant. */
  answerFailsafe(question: FailsafeQuestion): FailsafeAnswer;
  /** What metrics show besides the status. */
  measurements(): Measurements;
  /** False when a loop is stuck. */
  isRunning(): boolean;
}

export interface Measurements {
  readonly activity: Activity;
  /** How long ago each loop last completed a round, in milliseconds. */
  readonly loops: ReturnType<Heartbeats["ages"]>;
  /** This watchdog's canaries; null while its router is not open, and without one. */
  readonly canary: CanaryState | null;
  /** What each member of the store holds; null when unknown, or without a quota. */
  readonly storeSpace: readonly MemberSpace[] | null;
}

/** Creates a watchdog, which does nothing until `run` is called. */
export function createWatchdog(parts: WatchdogParts): Watchdog {
  const stop = new AbortController();
  const context = createContext(parts, stop.signal);
  const components = createComponents(context);
  const heartbeats = new Heartbeats(context.clock);
  const { config, clock, store, observed, decisions } = context;
  const { failsafe, router } = components;
  const startedAtMs = clock.nowMs();
  const situation = () => ({ record: observed.record, seen: observationsNow(context), nowMs: clock.nowMs() });
  return {
    run: async (signal) => {
      const abort = () => stop.abort(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      await run(context, components, heartbeats);
      signal.removeEventListener("abort", abort);
    },
    status: () => statusNow(context, components, startedAtMs),
    situation,
    decision: () => decisions.entries[0] ?? null,
    readiness: () => readiness(situation(), config),
    explain: () => explain(observed.record, observationsNow(context), clock.nowMs(), config),
    command: (command, by) => submitCommand(context, command, by),
    history: (limit) => store.history(limit),
    routing: () => ({ record: observed.newest(), ticket: router?.ticket ?? null, nowMs: clock.nowMs() }),
    answerFailsafe: (question) => failsafe.answer(question),
    measurements: () => ({
      activity: observed.activity,
      loops: heartbeats.ages(),
      canary: observed.canary,
      storeSpace: observed.storeSpace,
    }),
    isRunning: () => heartbeats.isRunning(),
  };
}

async function run(context: WatchdogContext, components: Components, heartbeats: Heartbeats): Promise<void> {
  const { clock, log, observed, signal } = context;
  await readCopy(context, observed);
  await Promise.all(
    watchdogLoops(context, components).map((loop) =>
      runLoop(loop, { clock, log, signal, onRound: heartbeats.add(loop) }),
    ),
  );
  await components.coordinator.leave().catch(() => undefined);
}
