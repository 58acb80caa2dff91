import { plannedOf, withPlan } from "../../watchdog/core/plans/planned.ts";
import { applyCommand, type Command } from "../../watchdog/core/requests.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import { explain } from "../../watchdog/core/rules/explain.ts";
import type { ClusterProbe, Follower, IndexState } from "../../watchdog/core/state/cluster.ts";
import { copyThen } from "../../watchdog/core/state/first-copy.ts";
import { indicesInWork, observeProbe, type RegionHealth, unknownHealth } from "../../watchdog/core/state/health.ts";
import type { Observations } from "../../watchdog/core/state/observations.ts";
import { currentStep, type PlanStep, type StepKind, withStep } from "../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { judgeSync, newSinceMs, noSyncMemory, type SyncJudgement } from "../../watchdog/core/state/sync.ts";
import {
  activeView,
  config,
  copying,
  follower,
  goodProbe,
  index,
  NOW_MS,
  observations,
  standbyView,
} from "./core-fixtures.ts";

/**
 * Incidents as text: round by round what was observed and what was decided. The golden files in incidents/ are rewritten
 * by `vitest -u`; read the difference before you commit it.
 */

const answer = { ...goodProbe, clusterUuid: "u", managedIndices: 1 };
const probes = {
  green: { ...answer, status: "green" },
  yellow: { ...answer, status: "yellow", nodes: 2 },
  red: { ...answer, status: "red", redIndices: ["logs-1"] },
  masterless: { ...answer, status: "green", master: null },
  /** One of many. */
  oneRed: { ...answer, status: "red", managedIndices: 8, redIndices: ["logs-9"] },
  full: { ...answer, status: "green", floodedIndices: ["logs-1"] },
  unlicensed: { ...answer, status: "green", licenceLapsed: true },
  refusing: { reachable: false, kind: "unauthorized", error: "unable to authenticate user [es-failover]" },
  untrusted: { reachable: false, kind: "untrusted", error: "certificate has expired (CERT_HAS_EXPIRED)" },
  gone: { reachable: false, kind: "unreachable", error: "connection refused" },
  /** Not yet: the watchdog has just started. */
  unprobed: null,
} as const satisfies Record<string, ClusterProbe | null>;

type Region = "gra" | "bhs";

export interface Holding {
  readonly indices: readonly IndexState[];
  readonly followers: readonly Follower[];
}

/** Index `logs-1` as the region that leads holds it, as the one that follows does, and as one that was left. */
export const leads: Holding = { indices: [index("logs-1")], followers: [] };
export const blocked: Holding = { indices: [index("logs-1", { writeBlocked: true })], followers: [] };
export const empty: Holding = { indices: [], followers: [] };
export const follows = (remoteCluster: Region, shard: Partial<Follower["shards"][number]> = {}): Holding => ({
  indices: [index("logs-1", { following: true })],
  followers: [follower("logs-1", shard, { remoteCluster })],
});

/** A region that holds `logs-2` as well, as a follower in its first copy. */
export const withCopy = ({ indices, followers }: Holding, remoteCluster: Region): Holding => ({
  indices: [...indices, copying("logs-2")],
  followers: [...followers, follower("logs-2", {}, { remoteCluster, status: "paused", shards: [] })],
});

/** What changed since the round before. Probes, indices and acknowledgements stay as they were when left out. */
export interface Round {
  readonly gra?: keyof typeof probes;
  readonly bhs?: keyof typeof probes;
  /** What the regions hold from now on. */
  readonly holds?: Partial<Record<Region, Holding>>;
  /** What an operator asks for. */
  readonly operator?: Command;
  /** Steps of the plan that ended well, in this order. */
  readonly done?: readonly StepKind[];
  /** The step that failed, and why; it is tried again. */
  readonly failed?: readonly [StepKind, string];
  /** The epoch that the router has acknowledged and does not go beyond; "newest": each one that it learns of. */
  readonly acknowledges?: number | "newest";
  readonly selfDoubt?: readonly string[];
  /** Since the round before; the interval of the checks when left out. */
  readonly afterMs?: number;
}

export const times = (n: number, round: Round): readonly Round[] => Array.from({ length: n }, () => round);

/** Decisions in a row within one round, as the controller makes them: more would be a circle. */
const MAX_DECISIONS = 8;

export function tell(
  start: StateRecord,
  rounds: readonly Round[],
  holds: Readonly<Record<Region, Holding>> = { gra: leads, bhs: follows("gra") },
): string {
  const incident = new Incident(start, holds);
  for (const round of rounds) incident.play(round);
  return `${[...incident.lines, "", ...incident.explained()].join("\n")}\n`;
}

class Incident {
  readonly lines: string[] = [];
  #nowMs = NOW_MS;
  #record: StateRecord;
  #health: Record<Region, RegionHealth> = { gra: unknownHealth, bhs: unknownHealth };
  #probed: Record<Region, keyof typeof probes> = { gra: "green", bhs: "green" };
  #holds: Record<Region, Holding>;
  #acknowledges: number | "newest" = "newest";
  /** The epoch that the router had learned of when the round began. */
  #epochBefore: number;
  #selfDoubt: readonly string[] = [];
  #inSyncSeenAtMs: number | null = NOW_MS;
  #syncMemory = noSyncMemory;
  #carriesOut = false;

  constructor(start: StateRecord, holds: Readonly<Record<Region, Holding>>) {
    this.#record = start;
    this.#epochBefore = start.epoch;
    this.#holds = { ...holds };
  }

  play(round: Round): void {
    if (this.lines.length > 0) this.#nowMs += round.afterMs ?? config.checks.intervalMs;
    this.#epochBefore = this.#record.epoch;
    this.#observe(round);
    for (const kind of round.done ?? []) this.#end(kind, null);
    if (round.failed !== undefined) this.#end(...round.failed);
    if (round.operator !== undefined) this.#ask(round.operator);
    for (let n = 0; n < MAX_DECISIONS; n += 1) {
      const ruling = decide(this.#record, this.#seen(), this.#nowMs, config);
      this.#carriesOut = ruling.actions.some(({ kind }) => kind === "carry-out-plan");
      this.#say(`${ruling.rule}: ${ruling.explanation}`);
      if (ruling.record === this.#record) return;
      if (ruling.record === null) throw new Error("a ruling took the record away");
      const before = shown(this.#record);
      this.#record = ruling.record;
      if (shown(this.#record) !== before) this.#say(`= ${shown(this.#record)}`);
    }
    throw new Error(`the rules did not come to rest: ${this.lines.slice(-MAX_DECISIONS).join("\n")}`);
  }

  explained(): readonly string[] {
    const explained = explain(this.#record, this.#seen(), this.#nowMs, config).slice(0, 6);
    return [
      "explain:",
      ...explained.map(
        ({ rule, decides, blockedBy }) =>
          `  ${decides ? "→" : " "} ${rule}${blockedBy.map((reason) => `\n      ${reason}`).join("")}`,
      ),
    ];
  }

  #say(line: string): void {
    this.lines.push(`        ${line}`);
  }

  #observe(round: Round): void {
    this.#probed = { gra: round.gra ?? this.#probed.gra, bhs: round.bhs ?? this.#probed.bhs };
    const seconds = String((this.#nowMs - NOW_MS) / 1000).padStart(4);
    this.lines.push(`${seconds} s  gra ${this.#probed.gra}, bhs ${this.#probed.bhs}`);
    for (const region of ["gra", "bhs"] as const) {
      const inWork = indicesInWork(this.#record, region);
      const probe = probes[this.#probed[region]];
      if (probe !== null) {
        this.#health[region] = observeProbe(this.#health[region], probe, this.#nowMs, config.checks, inWork);
      }
      const holding = round.holds?.[region];
      if (holding === undefined) continue;
      this.#holds[region] = holding;
      this.#say(`${region} holds ${describeHolding(holding)}`);
    }
    if (round.acknowledges !== undefined) {
      this.#acknowledges = round.acknowledges;
      const what = round.acknowledges === "newest" ? "every epoch" : `epoch ${round.acknowledges} and no newer one`;
      this.#say(`${config.name} acknowledges ${what}`);
    }
    if (round.selfDoubt !== undefined) {
      this.#selfDoubt = round.selfDoubt;
      this.#say(`self-check: ${round.selfDoubt.join("; ") || "passed"}`);
    }
  }

  #ask(command: Command): void {
    const applied = applyCommand(
      this.#record,
      command,
      { by: "ana", atMs: this.#nowMs },
      {
        regions: ["gra", "bhs"],
        silence: {},
      },
    );
    this.#say(`operator: ${applied.accepted ? applied.explanation : `refused: ${applied.reasons.join("; ")}`}`);
    if (applied.accepted) this.#record = applied.record;
  }

  /** Writes how a step ended, as the controller does; the ruling before has to have asked for the plan. */
  #end(kind: StepKind, error: string | null): void {
    const planned = plannedOf(this.#record);
    const step = planned === null ? null : currentStep(planned.plan);
    if (planned === null || step?.kind !== kind || !this.#carriesOut) {
      throw new Error(`${kind} cannot end now:\n${this.lines.join("\n")}`);
    }
    const attempts = step.attempts + 1;
    const ended: PlanStep =
      error === null
        ? { ...recorded(step), status: "done", attempts, error: null, finishedAtMs: this.#nowMs }
        : { ...step, status: "failed", attempts, error };
    this.#record = withPlan(planned, withStep(planned.plan, ended));
    this.#say(`step ${kind}: ${error === null ? "done" : `failed: ${error}`}`);
  }

  #judge(from: Region, standby: Region): SyncJudgement {
    const record = this.#record;
    const { judgement, memory } = judgeSync(
      {
        leader: { region: from, indices: this.#holds[from].indices, unmatched: [], shards: [], healthy: true },
        standby: { ...this.#holds[standby], copies: new Map(), autoFollow: standbyView().autoFollow[0] },
        newSinceMs: newSinceMs(record, 0),
        atMs: this.#nowMs,
        limits: config.replication,
      },
      this.#syncMemory,
    );
    this.#syncMemory = memory;
    return judgement;
  }

  #seen(): Observations {
    const record = this.#record;
    const from: Region = regionOf(record.phase === "serving" ? record.active : record.from);
    const standby: Region = from === "gra" ? "bhs" : "gra";
    const { indices, followers } = this.#holds[standby];
    const isLeaderWell = this.#health[from].failuresInARow === 0;
    const sync = isLeaderWell ? this.#judge(from, standby) : null;
    if (sync?.inSync) this.#inSyncSeenAtMs = this.#nowMs;
    const { name } = config;
    const acknowledgedEpoch = this.#acknowledges === "newest" ? this.#epochBefore : this.#acknowledges;
    return observations({
      health: this.#health,
      sites: [{ site: "bhs", regions: { gra: this.#health.gra.state, bhs: this.#health.bhs.state } }],
      standby: {
        ...standbyView(),
        region: standby,
        observedAtMs: this.#nowMs,
        indices,
        followers,
        autoFollow: standbyView().autoFollow.map((pattern) => ({ ...pattern, remoteCluster: from })),
        sync,
      },
      active: {
        ...activeView(),
        region: from,
        observedAtMs: this.#nowMs,
        indices: this.#holds[from].indices,
        strays: this.#holds[from].followers.map(({ index }) => index),
      },
      inSyncSeenAtMs: this.#inSyncSeenAtMs,
      routers: [{ router: name, acknowledgedEpoch }],
      selfDoubt: this.#selfDoubt,
    });
  }
}

function regionOf(name: string): Region {
  if (name !== "gra" && name !== "bhs") throw new Error(`the incident has no region ${name}`);
  return name;
}

/** What a step records when it ends well. */
function recorded(step: PlanStep): PlanStep {
  switch (step.kind) {
    case "record-checkpoints": {
      const loss = { atLeast: 0, atMost: 0, shards: [], unseenMs: 0, explanation: "nothing" };
      const checkpoints = [{ index: "logs-1", shard: 0, globalCheckpoint: 100, maxSeqNo: 100 }];
      return { ...step, checkpoints, loss };
    }
    case "catch-up":
      return { ...step, leaderCheckpoints: [{ index: "logs-1", shard: 0, checkpoint: 100 }] };
    case "salvage":
      return {
        ...step,
        report: {
          place: "/var/lib/es-failover/salvage",
          operations: 5,
          indices: 1,
          leftOut: [],
          copyBytes: 3 * 1024 ** 3,
        },
      };
    case "clear":
      return { ...step, deleted: ["logs-1"] };
    default:
      return step;
  }
}

function describeHolding({ indices, followers }: Holding): string {
  const shownIndices = indices.map(({ name, open, writeBlocked, firstCopy }) => {
    const following = followers.find(({ index: followed }) => followed === name);
    const lag = following?.shards.reduce(
      (sum, { leaderCheckpointLastKnown, followerCheckpoint }) => sum + leaderCheckpointLastKnown - followerCheckpoint,
      0,
    );
    const words = [
      following === undefined ? "its own" : `follows ${following.remoteCluster}`,
      ...(lag === undefined || lag === 0 ? [] : [`${lag} operations behind`]),
      ...(firstCopy === null ? [] : [copyThen(firstCopy)]),
      ...(open ? [] : ["closed"]),
      ...(writeBlocked ? ["write-blocked"] : []),
    ];
    return `${name} (${words.join(", ")})`;
  });
  return shownIndices.join(", ") || "nothing";
}

/** What a change of the record is seen by. */
function shown(record: StateRecord): string {
  const { phase, epoch } = record;
  const what =
    phase === "serving"
      ? `serving ${record.active}, standby ${record.standby}`
      : `${phase} ${record.from} to ${record.to}`;
  const plan = plannedOf(record)?.plan;
  return `${what}, epoch ${epoch}${plan === undefined ? "" : `, ${plan.kind}: ${plan.steps.map(({ kind }) => kind).join(", ")}`}`;
}
