import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { RoutingView } from "../core/endpoint-state.ts";
import type { FailsafeAnswer, FailsafeQuestion, Peers } from "../core/failsafe.ts";
import type { Cluster, HistoryEntry, RecordCopy, Router, Salvage, Store } from "../core/ports.ts";
import type { KnownSituation } from "../core/preview.ts";
import type { Command } from "../core/requests.ts";
import { explain, type RuleExplanation } from "../core/rules/table.ts";
import { type Coordination, soleCoordination } from "../core/state/coordination.ts";
import type { StateRecord } from "../core/state/record.ts";
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import type { Logger } from "../util/logger.ts";
import { type Beat, Bell, loop } from "../util/loop.ts";
import { type CommandOutcome, giveCommand } from "./commands.ts";
import type { Workings } from "./context.ts";
import { decideOnce } from "./loops/decide.ts";
import { Coordinator } from "./loops/elect.ts";
import { PlanExecutor } from "./loops/execute.ts";
import { Failsafe } from "./loops/failsafe.ts";
import { lookAtLeader, lookAtStandby } from "./loops/observe.ts";
import { probeRegion } from "./loops/probe.ts";
import { ReplicationKeeper } from "./loops/replicate.ts";
import { RouterKeeper } from "./loops/route.ts";
import { Knowledge } from "./observed-state.ts";
import { PULSE_MS, SelfTrust } from "./self-check.ts";
import type { RegionStatus, WatchdogStatus } from "./status.ts";

/** Everything a watchdog needs from outside. */
export interface WatchdogParts {
  readonly config: WatchdogConfig;
  /** One for each region of the configuration. */
  readonly clusters: Readonly<Record<RegionName, Cluster>>;
  readonly store: Store;
  /** For operators' commands, which count whoever decides: writes by compare-and-swap alone. Default: `store`. */
  readonly operatorStore?: Store;
  /** Default: this watchdog is alone, and leads. */
  readonly coordination?: Coordination;
  /** How the other watchdogs are asked in failsafe; null, the default, where this one stands alone. */
  readonly peers?: Peers | null;
  readonly copy: RecordCopy;
  readonly salvage: Salvage;
  /** The HAProxy beside it; null on a witness. */
  readonly router: Router | null;
  readonly clock: Clock;
  readonly log: Logger;
}

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
  routing(): RoutingView;
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
  const knowledge = new Knowledge(config);
  const stop = new AbortController();
  const workings: Workings = {
    ...parts,
    knowledge,
    self: new SelfTrust(clock, {
      toleranceMs: config.leases.marginMs,
      holdMs: config.checks.failThreshold * config.checks.intervalMs,
    }),
    signal: stop.signal,
    decide: new Bell(),
    coordinate: new Bell(),
    reasonsNotToAct: () => reasonsNotToAct(workings),
    route: new Bell(),
    keepCopy: (record) => keepCopy(parts, knowledge, record),
  };
  const failsafe = new Failsafe(workings);
  const coordinator = new Coordinator(workings);
  const routerKeeper =
    parts.router === null || config.router === null
      ? null
      : new RouterKeeper(workings, failsafe, parts.router, config.router);
  const replicationKeeper = new ReplicationKeeper(workings);
  const executor = new PlanExecutor(workings);
  const beats: Beat[] = [];
  const startedAtMs = clock.nowMs();

  const run = async (signal: AbortSignal) => {
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    await readCopy(parts, knowledge);
    // Rule restart-waits: a run before this one may have given its word a moment ago.
    if (parts.peers !== null) knowledge.promise(clock.monotonicMs() + config.leases.ttlMs);
    const start = (name: string, intervalMs: () => number, round: () => Promise<void>, bell?: Bell) => {
      const beat: Beat = { name, lastMonotonicMs: clock.monotonicMs(), limitMs: STUCK_AFTER_MS + intervalMs() };
      beats.push(beat);
      return loop({ beat, clock, log: parts.log, signal: stop.signal, intervalMs, ...(bell ? { bell } : {}) }, round);
    };
    const { intervalMs: checkMs } = config.checks;
    // Several times per lease: a leadership and a sighting have to be renewed well before they end.
    const coordinationMs = Math.min(checkMs, config.leases.ttlMs / 4);
    const restMs = parts.peers === null ? checkMs : coordinationMs;
    const decisionMs = () => (knowledge.record?.phase === "serving" ? restMs : Math.min(checkMs, CHANGE_INTERVAL_MS));
    const lookMs = () => config.replication.intervalMs;
    await Promise.all([
      start(
        "pulse",
        () => PULSE_MS,
        async () => {
          workings.self.pulse();
          if (workings.self.takeClockJump()) await routerKeeper?.emptyTicket();
        },
      ),
      ...Object.values(parts.clusters).map((cluster) =>
        start(
          `probe ${cluster.region}`,
          () => checkMs,
          () => probeRegion(workings, cluster),
        ),
      ),
      ...(routerKeeper === null
        ? []
        : [
            start(
              "router",
              () => routerKeeper.intervalMs,
              () => routerKeeper.round(),
              workings.route,
            ),
          ]),
      start(
        "coordinate",
        () => coordinationMs,
        () => coordinator.round(),
        workings.coordinate,
      ),
      start("decide", decisionMs, () => decideOnce(workings, executor), workings.decide),
      start("look at the active region", lookMs, () => lookAtLeader(workings)),
      start("look at the standby", lookMs, async () => {
        await lookAtStandby(workings);
        workings.decide.ring();
      }),
      start("keep replication", lookMs, () => replicationKeeper.round()),
    ]);
    signal.removeEventListener("abort", abort);
    await coordinator.leave().catch(() => undefined);
  };

  const observations = () => knowledge.observations(workings.self.doubts(), clock);
  return {
    run,
    status: () => {
      const doubts = workings.self.doubts();
      return {
        name: config.name,
        site: config.site,
        nowMs: clock.nowMs(),
        startedAtMs,
        summary: knowledge.ruling?.explanation ?? "just started: nothing decided yet",
        record: knowledge.record,
        store: { reachable: knowledge.storeError === null, error: knowledge.storeError },
        self: { trusted: doubts.length === 0, reasons: doubts },
        regions: regionStatuses(knowledge, config),
        sightings: knowledge.everySighting(clock.nowMs()),
        leadership: observations().leadership,
        watchdogs: knowledge.known,
        leases: knowledge.routers,
        failsafe: parts.peers === null ? null : failsafe.report(),
        replication: replicationKeeper.report(),
        plan: executor.report(),
        router: routerKeeper?.report() ?? null,
        decisions: knowledge.decisions,
      };
    },
    situation: () => ({ record: knowledge.record, seen: observations(), nowMs: clock.nowMs() }),
    command: (command, by) => giveCommand(workings, command, by),
    history: (limit) => parts.store.history(limit),
    routing: () => ({ record: knowledge.newest(), ticket: routerKeeper?.ticket ?? null, nowMs: clock.nowMs() }),
    answerFailsafe: (question) => failsafe.answer(question),
    explain: () => explain(knowledge.record, observations(), clock.nowMs(), config),
    isTurning: () => beats.every(({ lastMonotonicMs, limitMs }) => clock.monotonicMs() - lastMonotonicMs <= limitMs),
  };
}

function reasonsNotToAct({ self, knowledge, clock }: Workings): readonly string[] {
  const doubts = self.doubts();
  return knowledge.leads(clock.monotonicMs()) ? doubts : [...doubts, "this watchdog does not lead"];
}

/** A copy that cannot be read does not stop traffic, but while it is unknown no first primary is made. */
async function readCopy({ copy, log }: WatchdogParts, knowledge: Knowledge): Promise<void> {
  try {
    knowledge.newestCopy = await copy.read();
  } catch (error) {
    knowledge.copyError = messageOf(error);
    const sentence = `the copy of the record on this host cannot be read: ${messageOf(error)}`;
    log.error({ event: "copy-error", error: messageOf(error) }, sentence);
  }
}

async function keepCopy({ copy, log }: WatchdogParts, knowledge: Knowledge, record: StateRecord): Promise<void> {
  if (!knowledge.isNewToCopy(record)) return;
  knowledge.newestCopy = record;
  try {
    await copy.write(record);
  } catch (error) {
    const sentence = `the copy of the record on this host could not be written: ${messageOf(error)}`;
    log.error({ event: "copy-error", error: messageOf(error) }, sentence);
  }
}

function regionStatuses(knowledge: Knowledge, config: WatchdogConfig): readonly RegionStatus[] {
  return Object.keys(config.regions).map((region) => ({
    region,
    role: roleOf(region, knowledge.record),
    health: knowledge.healthOf(region),
  }));
}

function roleOf(region: RegionName, record: StateRecord | null): RegionStatus["role"] {
  if (record === null) return "unknown";
  if (record.phase === "serving") return record.active === region ? "active" : "standby";
  return record.to === region ? "new" : "old";
}
