import { isDeepStrictEqual } from "node:util";
import type { WatchdogConfig } from "../config/schema.ts";
import { missingIndices } from "./loss.ts";
import type { Observations } from "./observations.ts";
import { currentStep, describeStep, isIrreversible, planPromotion, stepOf } from "./promotion.ts";
import type { ClosingRecord, LastFailover, PromotingRecord, ServingRecord, StateRecord } from "./record.ts";
import type { Condition, Situation } from "./situation.ts";
import { inSyncFault, majorityPresent, majoritySees, otherRegion, promotableFault } from "./situation.ts";

/** What the daemon is to do as long as the decision stands. */
export type Action =
  /** Set up and mend following on the standby. */
  | { readonly kind: "keep-replication" }
  /** Carry out the next step of the record's plan. */
  | { readonly kind: "carry-out-plan" };

export interface Outcome<R extends StateRecord | null = StateRecord | null> {
  /** The next record; the very same object when nothing changes. */
  readonly record: R | StateRecord;
  readonly actions: readonly Action[];
  /** One sentence for a human. */
  readonly explanation: string;
}

export interface Ruling extends Outcome {
  readonly rule: RuleId;
}

/** A rule of the table as `explain` shows it. */
export interface RuleExplanation {
  readonly rule: RuleId;
  /** What the rule is for, in a sentence. */
  readonly purpose: string;
  readonly holds: boolean;
  /** True for the first rule that holds: the one that decides. */
  readonly decides: boolean;
  /** What stands in its way; empty when it holds. */
  readonly blockedBy: readonly string[];
}

type Phase = StateRecord["phase"] | "none";
type RecordOf<P extends Phase> = P extends "none" ? null : Extract<StateRecord, { phase: P }>;

interface Rule {
  readonly id: RuleId;
  readonly purpose: string;
  /** True for a rule about one situation, false for a guard that stands before every phase. */
  readonly isSpecific: boolean;
  /** null when the rule is not about the record's phase at all, else what stands in its way. */
  readonly blockers: (situation: Situation) => readonly string[] | null;
  readonly outcome: (situation: Situation) => Outcome;
}

const everyPhase = ["none", "serving", "closing", "promoting"] as const;

/** A rule about one or several phases. TypeScript cannot follow the phase through the table, so it is checked here, once. */
function rule<P extends Phase>(
  id: RuleId,
  phases: readonly P[],
  purpose: string,
  conditions: readonly Condition<RecordOf<P>>[],
  outcome: (situation: Situation<RecordOf<P>>) => Outcome,
): Rule {
  const inPhase = (situation: Situation): situation is Situation<RecordOf<P>> =>
    (phases as readonly Phase[]).includes(situation.record?.phase ?? "none");
  return {
    id,
    purpose,
    isSpecific: phases.length < everyPhase.length,
    blockers: (situation) =>
      inPhase(situation) ? conditions.flatMap((condition) => condition(situation) ?? []) : null,
    outcome: (situation) => {
      if (!inPhase(situation)) throw new Error(`rule ${id} was asked about a phase that is not its own`);
      return outcome(situation);
    },
  };
}

export type RuleId =
  | "store-unreachable"
  | "self-doubt"
  | "not-leading"
  | "fill-store-from-copy"
  | "filled-store-settles"
  | "first-primary"
  | "no-record"
  | "promotion-done"
  | "promotion-undone"
  | "promotion-waits"
  | "promotion-goes-on"
  | "closing-called-off"
  | "begin-promotion"
  | "closing-waits"
  | "failover"
  | "refuse-paused"
  | "refuse-both-unhealthy"
  | "refuse-several-routers"
  | "refuse-not-promotable"
  | "refuse-not-in-sync"
  | "refuse-block-period"
  | "register-watchdog"
  | "standby-joins"
  | "standby-in-sync"
  | "standby-behind"
  | "in-sync-noted"
  | "standby-waits"
  | "steady";

// --- conditions -----------------------------------------------------------------------------------------------------

const activeUnhealthy: Condition<ServingRecord> = (s) => majoritySees(s, s.record.active, "unhealthy");
const standbyHealthy: Condition<ServingRecord> = (s) => majoritySees(s, standbyOf(s), "healthy");
const standbyPromotable: Condition<ServingRecord> = (s) => promotableFault(s, standbyOf(s));
const standbyInSync: Condition<ServingRecord> = (s) => inSyncFault(s);

const notPaused: Condition<ServingRecord> = ({ record: { paused } }) =>
  paused === null ? null : `paused by ${paused.by}: ${paused.reason}`;

const notInBlockPeriod: Condition<ServingRecord> = ({ record: { blockedUntilMs }, nowMs }) =>
  blockedUntilMs === null || nowMs >= blockedUntilMs
    ? null
    : `the last failover blocks another automatic one until ${new Date(blockedUntilMs).toISOString()}`;

/** A file store is this host's alone: another router would hear nothing of a change. */
const oneRouter: Condition<ServingRecord> = ({ seen, config }) => {
  if (config.store.kind !== "file") return null;
  const others = (seen.routers ?? []).filter(({ router }) => router !== config.name);
  return others.length === 0
    ? null
    : `a file store serves one router, but ${others.map(({ router }) => router).join(", ")} took a lease as well`;
};

const activeLooksWell: Condition<ServingRecord> = ({ record, seen }) => {
  const health = seen.health[record.active];
  const wellNow = health !== undefined && health.lastGoodAtMs !== null && health.lastGoodAtMs === health.lastProbeAtMs;
  return wellNow ? null : `${record.active} is not well: ${health?.reason ?? "not probed yet"}`;
};

/** Rules ack-or-lease and promise. */
const routersClosed: Condition<ClosingRecord> = ({ record, seen }) => {
  if (record.filledAtMs !== null) return "the store was filled from a copy: leases from before have to run out first";
  if (seen.promisedForMs > 0) {
    return `this watchdog has let a router go on without the store: its word binds it for ${seen.promisedForMs} ms more`;
  }
  if (seen.routers === null) return "the store does not say which routers hold a lease";
  const open = seen.routers.filter(({ acknowledgedEpoch }) => acknowledgedEpoch < record.epoch);
  return open.length === 0
    ? null
    : `${open.map(({ router }) => router).join(", ")} has not acknowledged epoch ${record.epoch} and still holds a lease`;
};

const standbyStateIs =
  (...states: readonly ServingRecord["standby"][]): Condition<ServingRecord> =>
  ({ record }) =>
    states.includes(record.standby) ? null : `the standby is ${record.standby}, not ${states.join(" or ")}`;

/** A region that holds its own copies of managed indices is no empty standby: those must be salvaged first. */
const standbyHoldsNothingOfItsOwn: Condition<ServingRecord> = (s) => {
  const standby = standbyOf(s);
  const look = s.seen.standby;
  if (look === null || look.region !== standby)
    return `${standby} was not looked at: ${s.seen.standbyError ?? "no answer yet"}`;
  const own = look.indices.filter(({ following }) => !following).map(({ name }) => name);
  return own.length === 0
    ? null
    : `${standby} holds ${own.length} managed indices of its own (${own.slice(0, 3).join(", ")}): they may hold writes that exist nowhere else`;
};

/** The opposite of a condition, for rules that exist because it does not hold. */
function failing<R extends StateRecord | null>(condition: Condition<R>, otherwise: string): Condition<R> {
  return (situation) => (condition(situation) === null ? otherwise : null);
}

// --- next records ---------------------------------------------------------------------------------------------------

const standbyOf = (s: Situation<ServingRecord>) => otherRegion(s.config, s.record.active);

const unchanged = <R extends StateRecord | null>(
  record: R,
  explanation: string,
  ...kinds: Action["kind"][]
): Outcome<R> => ({
  record,
  actions: kinds.map((kind) => ({ kind })),
  explanation,
});

/** The same phase and epoch with something noted in it. */
function noted<R extends StateRecord>(record: R, changes: Partial<R>): R {
  return { ...record, ...changes, sequence: record.sequence + 1 };
}

/** What every record carries on over a change of phase. */
function carriedOver(record: StateRecord) {
  const { schemaVersion, epoch, sequence, blockedUntilMs, paused, lastFailover, watchdogs, filledAtMs } = record;
  return { schemaVersion, epoch, sequence: sequence + 1, blockedUntilMs, paused, lastFailover, watchdogs, filledAtMs };
}

function closing({ record, seen, nowMs, config }: Situation<ServingRecord>, cause: string): ClosingRecord {
  return {
    ...carriedOver(record),
    phase: "closing",
    epoch: record.epoch + 1,
    from: record.active,
    to: otherRegion(config, record.active),
    automatic: true,
    cause,
    startedAtMs: nowMs,
    blockedUntilMs: nowMs + config.promotion.blockPeriodMs,
    leaderSight: seen.leaderSight,
  };
}

/** Back to the old region, with nothing promoted; the attempt does not count as a failover. */
function calledOff(record: ClosingRecord | PromotingRecord, cause: string, nowMs: number): ServingRecord {
  return {
    ...carriedOver(record),
    phase: "serving",
    epoch: record.epoch + 1,
    active: record.from,
    standby: "following",
    inSyncAtMs: null,
    request: null,
    cause,
    startedAtMs: nowMs,
    blockedUntilMs: null,
  };
}

function promoted(record: PromotingRecord, nowMs: number): ServingRecord {
  return {
    ...carriedOver(record),
    phase: "serving",
    epoch: record.epoch + 1,
    active: record.to,
    standby: "absent",
    inSyncAtMs: null,
    request: null,
    cause: record.cause,
    startedAtMs: nowMs,
    lastFailover: failoverOf(record, nowMs),
  };
}

function failoverOf(record: PromotingRecord, nowMs: number): LastFailover {
  const recorded = stepOf(record.plan, "record-checkpoints");
  if (recorded === null || recorded.checkpoints === null || recorded.loss === null) {
    throw new Error("a promotion is done without recorded checkpoints: its plan was not carried out by this program");
  }
  const promotedIndices = stepOf(record.plan, "verify")?.indices ?? [];
  return {
    from: record.from,
    to: record.to,
    automatic: record.automatic,
    cause: record.cause,
    startedAtMs: record.startedAtMs,
    finishedAtMs: nowMs,
    checkpoints: recorded.checkpoints,
    loss: recorded.loss,
    missingIndices: missingIndices(record.leaderSight, promotedIndices),
  };
}

function firstRecord({ seen, nowMs, config }: Situation<null>): ServingRecord {
  return {
    schemaVersion: 1,
    epoch: 1,
    sequence: 1,
    phase: "serving",
    active: config.firstPrimary,
    standby: "absent",
    inSyncAtMs: null,
    request: null,
    cause: `${config.firstPrimary} is the configured first primary`,
    startedAtMs: nowMs,
    blockedUntilMs: null,
    paused: null,
    lastFailover: null,
    watchdogs: seen.known,
    filledAtMs: filledAt(config, nowMs),
  };
}

/**
 * Routers of another host may hold tickets from before the store was lost. With a file store there is one router, whose
 * leases outlive the file.
 */
const filledAt = ({ store }: WatchdogConfig, nowMs: number) => (store.kind === "file" ? null : nowMs);

/** Those that have made themselves known and do not stand in the record as they are now. */
const newcomers = ({ record, seen }: Situation<ServingRecord>) =>
  seen.known.filter((known) => !record.watchdogs.some((listed) => isDeepStrictEqual(listed, known)));

// --- the table ------------------------------------------------------------------------------------------------------

/** A refusal: the active region is lost, and one condition of `failover` does not hold. */
function refusal(id: RuleId, purpose: string, condition: Condition<ServingRecord>): Rule {
  return rule(
    id,
    ["serving"],
    purpose,
    [activeUnhealthy, failing(condition, "this is not what stands in the way")],
    (s) => unchanged(s.record, `${s.record.active} is unhealthy, but nothing is done: ${condition(s)}`),
  );
}

/**
 * Every decision, in order; the first rule that holds decides. Ids are stable: they stand in logs, history and metrics.
 * Each transition that stops or allows writes raises the epoch; nothing is promoted but from `closing` (closing-first),
 * and not before every router has acknowledged or lost its lease (ack-or-lease).
 */
export const rules: readonly Rule[] = [
  rule(
    "store-unreachable",
    everyPhase,
    "Without the store nobody decides anything.",
    [({ seen }) => (seen.store.reachable ? "the store answers" : null)],
    (s) => unchanged(s.record, `the store does not answer (${s.seen.store.error}): nothing is decided`),
  ),
  rule(
    "self-doubt",
    everyPhase,
    "A watchdog that cannot trust itself takes no action.",
    [({ seen }) => (seen.selfDoubt.length > 0 ? null : "this watchdog trusts itself")],
    (s) => unchanged(s.record, `this watchdog does not trust itself: ${s.seen.selfDoubt.join("; ")}`),
  ),
  rule(
    "not-leading",
    everyPhase,
    "Several watchdogs, one decision: only the one that leads decides.",
    [({ seen }) => (seen.leadership.leading ? "this watchdog leads" : null)],
    (s) => {
      const { leader, error } = s.seen.leadership;
      const who = leader === null ? "nobody leads yet" : `${leader} decides`;
      return unchanged(s.record, `${who}; this watchdog observes${error === null ? "" : ` (${error})`}`);
    },
  ),
  rule(
    "fill-store-from-copy",
    everyPhase,
    "A store that is empty or was set back is filled from the newest copy any watchdog has.",
    [
      ({ record, seen }) => {
        if (seen.newestCopy === null) return "no watchdog has a copy";
        return seen.newestCopy.epoch > (record?.epoch ?? 0) ? null : "the store is as new as the copies";
      },
      majorityPresent,
    ],
    ({ record, seen, nowMs, config }) => {
      const copy = seen.newestCopy;
      if (copy === null) throw new Error("fill-store-from-copy without a copy");
      return {
        record: noted(copy, { filledAtMs: filledAt(config, nowMs) }),
        actions: [],
        explanation: `the store ${record === null ? "is empty" : `is at epoch ${record.epoch}`}: filled from a copy of epoch ${copy.epoch}`,
      };
    },
  ),
  rule(
    "filled-store-settles",
    everyPhase,
    "One lease time to live after the store was filled every ticket from before has run out.",
    [
      ({ seen, config }) => {
        if (seen.filledKnownForMs === null) return "the store was not filled from a copy";
        const leftMs = config.leases.ttlMs - seen.filledKnownForMs;
        return leftMs <= 0 ? null : `tickets from before may still count for ${leftMs} ms`;
      },
    ],
    ({ record }) => ({
      record: record === null ? null : noted<StateRecord>(record, { filledAtMs: null }),
      actions: [],
      explanation: "every ticket from before the store was filled has run out",
    }),
  ),
  rule(
    "first-primary",
    ["none"],
    "Where there was never a record, the configured first primary becomes active, unless it is a follower.",
    [
      majorityPresent,
      ({ seen }) =>
        seen.copyError === null ? null : `the copy of the record on this host cannot be read: ${seen.copyError}`,
      ({ seen, config }) => {
        const look = seen.firstLooks.find(({ region }) => region === config.firstPrimary);
        if (look === undefined)
          return `${config.firstPrimary} has not answered yet, so it might be somebody's follower`;
        return look.following.length === 0
          ? null
          : `${config.firstPrimary} holds followers (${look.following.slice(0, 3).join(", ")}), so the other region is the primary`;
      },
    ],
    (s) => ({
      record: firstRecord(s),
      actions: [],
      explanation: `no record anywhere: ${s.config.firstPrimary} becomes active`,
    }),
  ),
  rule("no-record", ["none"], "Without a record nothing is routed.", [], (s) =>
    unchanged(
      s.record,
      `no record yet, and ${s.config.firstPrimary} does not become active by itself: ${firstPrimaryFault(s)}`,
    ),
  ),

  rule(
    "promotion-done",
    ["promoting"],
    "Once every step is done and verified, the new region is opened.",
    [({ record }) => stepPending(record)],
    (s) => ({
      record: promoted(s.record, s.nowMs),
      actions: [],
      explanation: `${s.record.to} is promoted and verified: it accepts writes from epoch ${s.record.epoch + 1} on`,
    }),
  ),
  rule(
    "promotion-undone",
    ["promoting"],
    "If the new region is lost before anything irreversible was done and the old one is well, the change is undone.",
    [
      (s) => majoritySees(s, s.record.to, "unhealthy"),
      (s) => majoritySees(s, s.record.from, "healthy"),
      ({ record }) =>
        isIrreversible(record.plan) ? "indices have been unfollowed already, which cannot be undone" : null,
    ],
    (s) => ({
      record: calledOff(
        s.record,
        `promotion of ${s.record.to} undone: it became unhealthy before any index was unfollowed`,
        s.nowMs,
      ),
      actions: [],
      explanation: `${s.record.to} became unhealthy, ${s.record.from} is well again: back to ${s.record.from}`,
    }),
  ),
  rule(
    "promotion-waits",
    ["promoting"],
    "A promotion whose region does not answer waits for it.",
    [(s) => majoritySees(s, s.record.to, "unhealthy")],
    (s) => unchanged(s.record, `the promotion of ${s.record.to} waits: ${s.seen.health[s.record.to]?.reason}`),
  ),
  rule("promotion-goes-on", ["promoting"], "A promotion under way is carried on, by whoever decides now.", [], (s) => {
    const step = currentStep(s.record.plan);
    const trouble = step?.error ? `; last attempt failed: ${step.error}` : "";
    return unchanged(
      s.record,
      `promoting ${s.record.to}: ${step === null ? "done" : describeStep(step)}${trouble}`,
      "carry-out-plan",
    );
  }),

  rule(
    "closing-called-off",
    ["closing"],
    "If the old region is healthy again before anything was promoted, it goes on.",
    [(s) => majoritySees(s, s.record.from, "healthy")],
    (s) => ({
      record: calledOff(s.record, `failover called off: ${s.record.from} is healthy again`, s.nowMs),
      actions: [],
      explanation: `${s.record.from} is healthy again and nothing was promoted: it goes on`,
    }),
  ),
  rule(
    "begin-promotion",
    ["closing"],
    "Promotion begins once no router can reach the old region any more.",
    [routersClosed, (s) => majoritySees(s, s.record.to, "healthy"), (s) => promotableFault(s, s.record.to)],
    (s) => {
      const look = s.seen.standby;
      if (look === null) throw new Error("begin-promotion without a look at the standby");
      const plan = planPromotion(s.record.from, look, s.record.leaderSight, s.config.promotion, s.nowMs);
      return {
        record: { ...s.record, phase: "promoting", sequence: s.record.sequence + 1, closedAtMs: s.nowMs, plan },
        actions: [{ kind: "carry-out-plan" }],
        explanation: `every router has closed: ${s.record.to} is promoted`,
      };
    },
  ),
  rule("closing-waits", ["closing"], "Until then it waits, for acknowledgements or for leases to run out.", [], (s) =>
    unchanged(s.record, `closing ${s.record.from}: ${closingFault(s)}`),
  ),

  rule(
    "failover",
    ["serving"],
    "The active region is lost and the standby can take over: the routers are told to close.",
    [activeUnhealthy, notPaused, oneRouter, standbyHealthy, standbyPromotable, standbyInSync, notInBlockPeriod],
    (s) => {
      const cause = `${s.record.active} is unhealthy: ${s.seen.health[s.record.active]?.reason}`;
      return { record: closing(s, cause), actions: [], explanation: `${cause}; ${standbyOf(s)} takes over` };
    },
  ),
  refusal("refuse-paused", "Automatic failover is paused by an operator.", notPaused),
  refusal("refuse-both-unhealthy", "Both regions are unhealthy: nothing is touched.", standbyHealthy),
  refusal("refuse-several-routers", "A file store cannot close more than its own router.", oneRouter),
  refusal("refuse-not-promotable", "The standby's cluster could not carry out a promotion.", standbyPromotable),
  refusal("refuse-not-in-sync", "A standby that is not in sync is never promoted without a human.", standbyInSync),
  refusal("refuse-block-period", "At most one automatic failover per block period.", notInBlockPeriod),

  rule(
    "register-watchdog",
    ["serving"],
    "Every watchdog that takes part stands in the record, so that failsafe knows whose word it needs.",
    [(s) => (newcomers(s).length > 0 ? null : "all that are known stand there as they are")],
    (s) => {
      const joining = newcomers(s);
      const staying = s.record.watchdogs.filter(({ name }) => !joining.some((known) => known.name === name));
      return {
        record: noted(s.record, { watchdogs: [...staying, ...joining] }),
        actions: [],
        explanation: joining.map(({ name, site }) => `watchdog ${name} of ${site} takes part`).join("; "),
      };
    },
  ),
  rule(
    "standby-joins",
    ["serving"],
    "A reachable region without managed indices of its own becomes the standby.",
    [standbyStateIs("absent"), activeLooksWell, standbyHealthy, standbyHoldsNothingOfItsOwn],
    (s) => ({
      record: noted(s.record, { standby: "following" }),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} becomes the standby and follows ${s.record.active}`,
    }),
  ),
  rule(
    "standby-in-sync",
    ["serving"],
    "A standby that follows everything without lag may be promoted.",
    [standbyStateIs("following"), activeLooksWell, ({ seen }) => syncFault(seen)],
    (s) => ({
      record: noted(s.record, { standby: "in-sync", inSyncAtMs: s.nowMs }),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} is in sync with ${s.record.active}`,
    }),
  ),
  rule(
    "standby-behind",
    ["serving"],
    "A standby that has not been in sync for a while, though its leader is well, is not promoted any more.",
    [standbyStateIs("in-sync"), activeLooksWell, failing(standbyInSync, "it is in sync")],
    (s) => ({
      record: noted(s.record, { standby: "following" }),
      actions: [{ kind: "keep-replication" }],
      explanation: `not in sync any more: ${standbyInSync(s)}${s.seen.standby?.sync?.reasons.map((reason) => `; ${reason}`).join("") ?? ""}`,
    }),
  ),
  rule(
    "in-sync-noted",
    ["serving"],
    "When the standby was last in sync is noted now and then, for a watchdog that starts during an outage.",
    [
      standbyStateIs("in-sync"),
      ({ record, seen, config }) => {
        const newer = (seen.inSyncSeenAtMs ?? 0) - (record.inSyncAtMs ?? 0);
        return newer > config.replication.maxReadAgeMs / 2 ? null : "it was noted a short while ago";
      },
    ],
    (s) => ({
      record: noted(s.record, { inSyncAtMs: s.seen.inSyncSeenAtMs }),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} is in sync with ${s.record.active}`,
    }),
  ),
  rule(
    "standby-waits",
    ["serving"],
    "A region that cannot be the standby yet is left alone.",
    [standbyStateIs("absent")],
    (s) => unchanged(s.record, `${s.record.active} serves without a standby: ${standbyJoinFault(s)}`),
  ),
  rule("steady", ["serving"], "Nothing to change; following is kept up.", [], (s) =>
    unchanged(s.record, steadySentence(s), "keep-replication"),
  ),
];

function stepPending(record: PromotingRecord): string | null {
  const step = currentStep(record.plan);
  return step === null ? null : `${step.kind} is ${step.status}`;
}

function syncFault(seen: Observations): string | null {
  const sync = seen.standby?.sync ?? null;
  if (sync === null) return "the two regions have not been compared yet";
  return sync.inSync ? null : sync.reasons.join("; ");
}

function firstPrimaryFault(s: Situation<null>): string {
  return blockersOf("first-primary", s);
}

function standbyJoinFault(s: Situation<ServingRecord>): string {
  return blockersOf("standby-joins", s);
}

function closingFault(s: Situation<ClosingRecord>): string {
  return blockersOf("begin-promotion", s);
}

function blockersOf(id: RuleId, situation: Situation): string {
  return (
    rules
      .find((candidate) => candidate.id === id)
      ?.blockers(situation)
      ?.join("; ") || "nothing stands in the way"
  );
}

function steadySentence(s: Situation<ServingRecord>): string {
  const active = s.seen.health[s.record.active];
  const doing = `${s.record.active} serves, ${standbyOf(s)} is ${s.record.standby}`;
  return active?.state === "healthy"
    ? doing
    : `${doing}; ${s.record.active} is ${active?.state ?? "unknown"}: ${active?.reason ?? "not probed yet"}`;
}

// --- asking the table -----------------------------------------------------------------------------------------------

/** What is to be done now. Pure: the same situation gives the same ruling. */
export function decide(record: StateRecord | null, seen: Observations, nowMs: number, config: WatchdogConfig): Ruling {
  const situation: Situation = { record, seen, nowMs, config };
  const first = rules.find((candidate) => candidate.blockers(situation)?.length === 0);
  if (first === undefined)
    throw new Error(`no rule holds in phase ${record?.phase ?? "none"}: each phase needs a last one`);
  return { rule: first.id, ...first.outcome(situation) };
}

/** Every rule: whether it holds and if not, what stands in its way. The one that decides comes first,
 * then those that nearly hold, then guards, then those that would hold if none before them did. */
export function explain(
  record: StateRecord | null,
  seen: Observations,
  nowMs: number,
  config: WatchdogConfig,
): readonly RuleExplanation[] {
  const situation: Situation = { record, seen, nowMs, config };
  const phase = record?.phase ?? "none";
  let decided = false;
  const explained = rules.map(({ id, purpose, isSpecific, blockers }) => {
    const blockedBy = blockers(situation);
    const holds = blockedBy !== null && blockedBy.length === 0;
    const decides = holds && !decided;
    decided ||= holds;
    const reasons = blockedBy ?? [`it is not about the phase ${phase}`];
    const explanation: RuleExplanation = { rule: id, purpose, holds, decides, blockedBy: reasons };
    const group = decides ? 0 : blockedBy === null ? 4 : holds ? 3 : isSpecific ? 1 : 2;
    return { group, distance: reasons.length, explanation };
  });
  return explained
    .toSorted((a, b) => a.group - b.group || a.distance - b.distance)
    .map(({ explanation }) => explanation);
}
