import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { IndexState } from "./cluster.ts";
import { missingIndices, withMissing, withUnserved } from "./loss.ts";
import type { Plan } from "./plan.ts";
import { isIrreversible, leftOutBy, stepOf, stuckOf, targetsGivenUp, unsetAliases } from "./plan.ts";
import type { ClosingRecord, LastFailover, PromotingRecord, ServingRecord, StateRecord } from "./record.ts";
import type { IndexUuid, LeaderSnapshot } from "./record-fields.ts";
import { deletedBeforeOf, returnedSentence } from "./returned.ts";
import { type Situation, standbyOf } from "./situation.ts";
import { indicesToJoin } from "./to-join.ts";
import { UNFINISHED_COPIES_MAX } from "./unfinished-copies.ts";
import { withMarks, withoutMarks } from "./write-blocks.ts";

/** The next record of each change of phase. */

/** The same phase and epoch with some fields changed. */
export function noted<R extends StateRecord>(record: R, changes: Partial<R>): R {
  return { ...record, ...changes, sequence: record.sequence + 1 };
}

/** What every record keeps over a change of phase. */
function carriedOver(record: StateRecord) {
  const { schemaVersion, epoch, sequence, blockedUntilMs, paused, lastFailover, watchdogs, filledAtMs } = record;
  const { writeBlocks } = record;
  const carried = { schemaVersion, epoch, blockedUntilMs, paused, lastFailover, watchdogs, filledAtMs, writeBlocks };
  return { ...carried, sequence: sequence + 1, halfPromoted: halfPromotedOf(record) };
}

/** What is left of a promotion that was undone after its first unfollow. */
function halfPromotedOf(record: StateRecord): StateRecord["halfPromoted"] {
  if (record.phase !== "promoting" || !isIrreversible(record.plan)) return record.halfPromoted;
  return { region: record.to, checkpoints: stepOf(record.plan, "record-checkpoints")?.checkpoints ?? [] };
}

export interface ChangeWanted {
  readonly change: ClosingRecord["change"];
  readonly automatic: boolean;
  readonly cause: string;
}

/** Closing: every router is to close. Only an automatic failover begins a block period. */
export function closing(s: Situation<ServingRecord>, { change, automatic, cause }: ChangeWanted): ClosingRecord {
  const { record, seen, nowMs, config } = s;
  const isAutomaticFailover = automatic && change === "failover";
  return {
    ...carriedOver(record),
    lastFailover: withoutShards(record.lastFailover),
    phase: "closing",
    epoch: record.epoch + 1,
    change,
    standbyBefore: { state: record.standby, inSyncAtMs: record.inSyncAtMs },
    from: record.active,
    to: standbyOf(s),
    automatic,
    cause,
    startedAtMs: nowMs,
    blockedUntilMs: isAutomaticFailover ? nowMs + config.promotion.blockPeriodMs : record.blockedUntilMs,
    leaderSight: seen.leaderSight,
    abort: null,
  };
}

/** Back to the old region with nothing promoted. The attempt does not count as a failover. */
export function calledOff(record: ClosingRecord | PromotingRecord, cause: string, nowMs: number): ServingRecord {
  const beganBlockPeriod = record.automatic && record.change === "failover";
  return {
    ...carriedOver(record),
    phase: "serving",
    epoch: record.epoch + 1,
    active: record.from,
    ...standbyAgain(record),
    inSyncSinceMs: null,
    allProtectedAtMs: null,
    plan: null,
    request: null,
    discardTriedAtMs: null,
    deletedLeaders: [],
    unfinishedCopies: record.phase === "promoting" ? unfinishedOf(record.plan) : [],
    cause,
    startedAtMs: nowMs,
    blockedUntilMs: beganBlockPeriod ? null : record.blockedUntilMs,
  };
}

/**
 * The standby after a change that was called off. A rejoin that the change interrupted starts over. A switchover leaves
 * the standby as it was; followers that it paused are resumed, and until then the standby stays in sync by `inSyncAtMs`.
 */
function standbyAgain(record: ClosingRecord | PromotingRecord): Pick<ServingRecord, "standby" | "inSyncAtMs"> {
  const { state, inSyncAtMs } = record.standbyBefore;
  if (halfPromotedOf(record)?.region === record.to) return { standby: "absent", inSyncAtMs: null };
  if (state !== "in-sync" && state !== "following") return { standby: "absent", inSyncAtMs: null };
  return record.change === "switchover" ? { standby: state, inSyncAtMs } : { standby: "following", inSyncAtMs: null };
}

/** A switchover turns back: the write blocks of the old region are lifted first, then it serves. */
export function turnedBack(record: PromotingRecord, undo: Plan): PromotingRecord {
  return noted(record, { plan: undo, halfPromoted: halfPromotedOf(record), abort: null });
}

/** `toBlock`: indices of the old region that the plan write-blocks. */
export function promoting(
  record: ClosingRecord,
  plan: Plan,
  toBlock: readonly IndexState[],
  nowMs: number,
): PromotingRecord {
  const writeBlocks = withMarks(record, record.from, toBlock);
  return { ...record, phase: "promoting", sequence: record.sequence + 1, closedAtMs: nowMs, writeBlocks, plan };
}

export function promoted(record: PromotingRecord, nowMs: number): ServingRecord {
  return {
    ...carriedOver(record),
    halfPromoted: null,
    phase: "serving",
    epoch: record.epoch + 1,
    active: record.to,
    standby: "absent",
    inSyncAtMs: null,
    inSyncSinceMs: null,
    allProtectedAtMs: null,
    plan: null,
    request: null,
    discardTriedAtMs: null,
    deletedLeaders: [],
    unfinishedCopies: unfinishedOf(record.plan),
    cause: record.cause,
    startedAtMs: nowMs,
    lastFailover: failoverOf(record, nowMs),
  };
}

/** Followers that were in their first copy as they were left out, and that the plan has not deleted. */
function unfinishedOf(plan: Plan): readonly IndexUuid[] {
  const step = stepOf(plan, "discard-copies");
  if (step === null) return [];
  const left = new Set(step.failures.map(({ index }) => index));
  return step.copies
    .filter(({ index, deletedLeader }) => deletedLeader === undefined && (step.status !== "done" || left.has(index)))
    .slice(0, UNFINISHED_COPIES_MAX)
    .map(({ index, uuid }) => ({ index, uuid }));
}

function failoverOf(record: PromotingRecord, nowMs: number): LastFailover {
  const recorded = stepOf(record.plan, "record-checkpoints");
  if (recorded === null || recorded.checkpoints === null || recorded.loss === null) {
    throw new Error("the promotion is done, but its plan has no recorded checkpoints");
  }
  const promotedIndices = stepOf(record.plan, "verify")?.indices ?? [];
  const leftOut = leftOutBy(record.plan);
  const missing = missingIndices(record.leaderSight, promotedIndices, leftOut);
  const stuck = stuckOf(record.plan);
  const toJoin = stuck.map(({ index }) => index);
  const lost = missing.filter(({ index }) => !toJoin.includes(index));
  const deletedBefore = deletedBeforeOf(record);
  const known = withUnserved(withMissing(recorded.loss, record.leaderSight, lost), recorded.checkpoints, stuck);
  return {
    kind: record.change,
    from: record.from,
    to: record.to,
    automatic: record.automatic,
    cause: record.cause,
    startedAtMs: record.startedAtMs,
    finishedAtMs: nowMs,
    checkpoints: recorded.checkpoints,
    loss: { ...known, explanation: [known.explanation, ...returnedSentence(record, deletedBefore)].join("; ") },
    missingIndices: missing.map(({ index }) => index),
    leftOut: [...leftOut, ...targetsGivenUp(record.plan), ...unsetAliases(record.plan)],
    ...(toJoin.length === 0 ? {} : { toJoin: { indices: toJoin, attempts: 0, triedAtMs: null } }),
    deletedBefore,
    keptBlocks: stepOf(record.plan, "keep-blocks")?.indices ?? [],
    uuids: uuidsOf(record.leaderSight, recorded.leaders),
    rejoinedAtMs: null,
  };
}

/** What the followers followed goes before what the old region was last seen to have under the same name. */
function uuidsOf(sight: LeaderSnapshot | null, leaders: readonly IndexUuid[]): readonly IndexUuid[] {
  const followed = new Set(leaders.map(({ index }) => index));
  return [...(sight?.uuids ?? []).filter(({ index }) => !followed.has(index)), ...leaders];
}

/**
 * The former primary has no indices of its own left: from now on it follows. Its marks go with the indices: those that
 * were not deleted are set aside, closed and write-blocked on purpose. Where it keeps indices that the active region has
 * yet to serve, it rejoins once more when they have joined.
 */
export function rejoined(record: ServingRecord, standby: RegionName, nowMs: number): ServingRecord {
  const { lastFailover } = record;
  if (indicesToJoin(record).length > 0) return noted(record, { standby: "following", plan: null });
  return noted(record, {
    standby: "following",
    plan: null,
    writeBlocks: withoutMarks(record, standby),
    halfPromoted: null,
    lastFailover: lastFailover === null ? null : settled(lastFailover, nowMs),
  });
}

/** What salvage needed of each shard and index is left out: every later record would carry it. */
const settled = (lastFailover: LastFailover, nowMs: number) =>
  withoutShards({ ...lastFailover, checkpoints: [], uuids: [], rejoinedAtMs: nowMs });

/** The loss of each shard is of no use to a further change, whose record has enough to carry. */
function withoutShards(lastFailover: LastFailover | null): LastFailover | null {
  return lastFailover === null ? null : { ...lastFailover, loss: { ...lastFailover.loss, shards: [] } };
}

export function firstRecord({ seen, nowMs, config }: Situation<null>): ServingRecord {
  return {
    schemaVersion: 1,
    epoch: 1,
    sequence: 1,
    phase: "serving",
    active: config.firstPrimary,
    standby: "absent",
    inSyncAtMs: null,
    inSyncSinceMs: null,
    allProtectedAtMs: null,
    plan: null,
    request: null,
    discardTriedAtMs: null,
    deletedLeaders: [],
    unfinishedCopies: [],
    cause: `${config.firstPrimary} is the configured first primary`,
    startedAtMs: nowMs,
    blockedUntilMs: null,
    paused: null,
    lastFailover: null,
    writeBlocks: null,
    halfPromoted: null,
    watchdogs: seen.known,
    filledAtMs: filledAt(config, nowMs),
  };
}

/**
 * Routers of other hosts may hold tickets from before the store was lost. With a file store there is one router, and its
 * lease outlives the file.
 */
export const filledAt = ({ store }: WatchdogConfig, nowMs: number) => (store.kind === "file" ? null : nowMs);
