import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { RoutingState } from "../core/endpoint-state.ts";
import type { FailsafeAnswer, FailsafeQuestion } from "../core/failsafe.ts";
import type { KnownSituation } from "../core/preview.ts";
import type { Command } from "../core/requests.ts";
import { explain, type RuleExplanation } from "../core/rules/explain.ts";
import type { HistoryEntry } from "../core/state/history.ts";
import type { StateRecord } from "../core/state/record.ts";
import { messageOf } from "../util/errors.ts";
import { type Heartbeat, loop, Wakeup } from "../util/loop.ts";
import { type CommandOutcome, submitCommand } from "./commands.ts";
import type { WatchdogContext, WatchdogParts } from "./context.ts";
import { decideOnce } from "./loops/decide.ts";
import { Coordinator } from "./loops/elect.ts";
import { PlanExecutor } from "./loops/execute.ts";
import { Failsafe } from "./loops/failsafe.ts";
import { observeActive, observeStandby } from "./loops/observe.ts";
import { probeRegion } from "./loops/probe.ts";
import { ReplicationReconciler } from "./loops/replicate.ts";
import { RouterReconciler } from "./loops/route.ts";
import { ObservedState } from "./observed-state.ts";
import { SELF_CHECK_INTERVAL_MS, SelfCheck } from "./self-check.ts";
import { soleCoordination } from "./sole-coordination.ts";
import type { RegionStatus, WatchdogStatus } from "./status.ts";

export interface Watchdog {
  /** Runs until `signal` aborts, then ends with every loop at rest. Tickets are left to run out, leases too. */
  run(signal: AbortSignal): Promise<void>;
  status(): WatchdogStatus;
  /** Every rule of the table: whether it holds now, and if not, what stands in its way; nearly-holding ones first. */
  explain(): readonly RuleExplanation[];
  /** What it decides from, as of now. */
  situation(): KnownSituation;
  /** Puts an operator's command into the state document, or says why not. Throws when the store does not answer. */
  command(command: Command, by: string): Promise<CommandOutcome>;
  /** The newest entries of the store's history, oldest first. Throws when the store does not answer. */
  history(limit: number): Promise<readonly HistoryEntry[]>;
  /** What may be told to applications, as of now; cheap enough to be asked at each of their requests. */
  routing(): RoutingState;
  /** Answers another watchdog whose router would go on without the store. */
  answerFailsafe(question: FailsafeQuestion): FailsafeAnswer;
  /** True while every loop turns as it should: what the service manager's watchdog may be told. */
  isTurning(): boolean;
}

/** How often a change under way is looked at when no news comes in. */
const CHANGE_INTERVAL_MS = 500;
/** A loop may wait for several bounded calls in a row; one that is silent for longer than this is stuck. */
const STUCK_AFTER_MS = 120_000;

/** A watchdog that does not run yet. */
export function createWatchdog(given: WatchdogParts): Watchdog {
  const parts = { coordination: soleCoordination(given.clock), peers: null, ...given };
  const { config, clock } = parts;
  const observed = new ObservedState(config);
  const stop = new AbortController();
  const context: WatchdogContext = {
    ...parts,
    observed,
    selfCheck: new SelfCheck(clock, {
      toleranceMs: config.leases.marginMs,
      holdMs: config.checks.failThreshold * config.checks.intervalMs,
    }),
    signal: stop.signal,
    wakeDecide: new Wakeup(),
    wakeCoordinate: new Wakeup(),
    actionBlockers: () => reasonsNotToAct(context),
    wakeRoute: new Wakeup(),
    saveCopy: (record) => saveCopy(parts, observed, record),
  };
  const failsafe = new Failsafe(context);
  const coordinator = new Coordinator(context);
  const routerReconciler =
    parts.router === null || config.router === null
      ? null
      : new RouterReconciler(context, failsafe, parts.router, config.router);
  const replicationReconciler = new ReplicationReconciler(context);
  const executor = new PlanExecutor(context);
  const heartbeats: Heartbeat[] = [];
  const startedAtMs = clock.nowMs();

  const run = async (signal: AbortSignal) => {
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    await readCopy(parts, observed);
    // Rule restart-waits: a run before this one may have given its word a moment ago.
    if (parts.peers !== null) observed.extendFailsafeGrant(clock.monotonicMs() + config.leases.ttlMs);
    const start = (name: string, intervalMs: () => number, round: () => Promise<void>, wakeup?: Wakeup) => {
      const heartbeat: Heartbeat = {
        name,
        lastMonotonicMs: clock.monotonicMs(),
        limitMs: STUCK_AFTER_MS + intervalMs(),
      };
      heartbeats.push(heartbeat);
      return loop(
        { heartbeat, clock, log: parts.log, signal: stop.signal, intervalMs, ...(wakeup ? { wakeup } : {}) },
        round,
      );
    };
    const { intervalMs: checkMs } = config.checks;
    // Several times per lease: a leadership and a sighting have to be renewed well before they end.
    const coordinationMs = Math.min(checkMs, config.leases.ttlMs / 4);
    const restMs = parts.peers === null ? checkMs : coordinationMs;
    const decisionMs = () => (observed.record?.phase === "serving" ? restMs : Math.min(checkMs, CHANGE_INTERVAL_MS));
    const lookMs = () => config.replication.intervalMs;
    await Promise.all([
      start(
        "self-check",
        () => SELF_CHECK_INTERVAL_MS,
        async () => {
          context.selfCheck.heartbeat();
          if (context.selfCheck.takeClockJump()) await routerReconciler?.emptyTicket();
        },
      ),
      ...Object.values(parts.clusters).map((cluster) =>
        start(
          `probe ${cluster.region}`,
          () => checkMs,
          () => probeRegion(context, cluster),
        ),
      ),
      ...(routerReconciler === null
        ? []
        : [
            start(
              "router",
              () => routerReconciler.intervalMs,
              () => routerReconciler.round(),
              context.wakeRoute,
            ),
          ]),
      start(
        "coordinate",
        () => coordinationMs,
        () => coordinator.round(),
        context.wakeCoordinate,
      ),
      start("decide", decisionMs, () => decideOnce(context, executor), context.wakeDecide),
      start("look at the active region", lookMs, () => observeActive(context)),
      start("look at the standby", lookMs, async () => {
        await observeStandby(context);
        context.wakeDecide.trigger();
      }),
      start("keep replication", lookMs, () => replicationReconciler.round()),
    ]);
    signal.removeEventListener("abort", abort);
    await coordinator.leave().catch(() => undefined);
  };

  const observations = () => observed.observations(context.selfCheck.blockers(), clock);
  return {
    run,
    status: () => {
      const blockers = context.selfCheck.blockers();
      return {
        name: config.name,
        site: config.site,
        nowMs: clock.nowMs(),
        startedAtMs,
        summary: observed.ruling?.explanation ?? "just started: nothing decided yet",
        record: observed.record,
        store: { reachable: observed.storeError === null, error: observed.storeError },
        self: { trusted: blockers.length === 0, reasons: blockers },
        regions: regionStatuses(observed, config),
        sightings: observed.allReports(clock.nowMs()),
        leadership: observations().leadership,
        watchdogs: observed.members,
        leases: observed.routers,
        failsafe: parts.peers === null ? null : failsafe.report(),
        replication: replicationReconciler.report(),
        plan: executor.report(),
        router: routerReconciler?.report() ?? null,
        decisions: observed.decisions,
      };
    },
    situation: () => ({ record: observed.record, seen: observations(), nowMs: clock.nowMs() }),
    command: (command, by) => submitCommand(context, command, by),
    history: (limit) => parts.store.history(limit),
    routing: () => ({ record: observed.newest(), ticket: routerReconciler?.ticket ?? null, nowMs: clock.nowMs() }),
    answerFailsafe: (question) => failsafe.answer(question),
    explain: () => explain(observed.record, observations(), clock.nowMs(), config),
    isTurning: () =>
      heartbeats.every(({ lastMonotonicMs, limitMs }) => clock.monotonicMs() - lastMonotonicMs <= limitMs),
  };
}

function reasonsNotToAct({ selfCheck, observed, clock }: WatchdogContext): readonly string[] {
  const blockers = selfCheck.blockers();
  return observed.isController(clock.monotonicMs()) ? blockers : [...blockers, "this watchdog does not lead"];
}

/** A copy that cannot be read does not stop traffic, but while it is unknown no first primary is made. */
async function readCopy({ copy, log }: WatchdogParts, observed: ObservedState): Promise<void> {
  try {
    observed.newestCopy = await copy.read();
  } catch (error) {
    observed.copyError = messageOf(error);
    const sentence = `the copy of the record on this host cannot be read: ${messageOf(error)}`;
    log.error({ event: "copy-error", error: messageOf(error) }, sentence);
  }
}

async function saveCopy({ copy, log }: WatchdogParts, observed: ObservedState, record: StateRecord): Promise<void> {
  if (!observed.isNewerThanCopy(record)) return;
  observed.newestCopy = record;
  try {
    await copy.write(record);
  } catch (error) {
    const sentence = `the copy of the record on this host could not be written: ${messageOf(error)}`;
    log.error({ event: "copy-error", error: messageOf(error) }, sentence);
  }
}

function regionStatuses(observed: ObservedState, config: WatchdogConfig): readonly RegionStatus[] {
  return Object.keys(config.regions).map((region) => ({
    region,
    role: roleOf(region, observed.record),
    health: observed.healthOf(region),
  }));
}

function roleOf(region: RegionName, record: StateRecord | null): RegionStatus["role"] {
  if (record === null) return "unknown";
  if (record.phase === "serving") return record.active === region ? "active" : "standby";
  return record.to === region ? "new" : "old";
}
