import { z } from "zod";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import { type Plan, planSchema } from "./plan.ts";
import {
  indexNames,
  indexUuid,
  leaderSnapshot,
  leftOut,
  lossEstimate,
  region,
  shardCheckpoint,
  timeMs,
} from "./record-fields.ts";

/**
 * The state document: which region is active, and which change is under way. It is kept in the store, changed only by
 * compare-and-swap, and parsed with this schema on every read: a document of a newer version is refused. Field names are
 * persisted.
 */

/** The last change of the active region, planned or not. */
const lastFailover = z.strictObject({
  kind: z.enum(["failover", "switchover"]).default("failover"),
  from: region,
  to: region,
  automatic: z.boolean(),
  cause: z.string(),
  startedAtMs: timeMs,
  finishedAtMs: timeMs,
  /** The checkpoint of each follower shard when it was detached: what the old region has above it is salvaged. */
  checkpoints: z.array(shardCheckpoint),
  loss: lossEstimate,
  /** Managed indices that the old region was seen to have and the new one lacks. */
  missingIndices: indexNames,
  /**
   * Those of them that were not promoted, and why: an unfinished first copy, or a step that kept failing; besides aliases and
   * data streams that were given up.
   */
  leftOut: z.array(leftOut).default([]),
  /**
   * Complete copies among those: they are kept in the new region, and a repair tries to make them join; until then the old
   * region keeps its own. Absent: none.
   */
  toJoin: z
    .strictObject({ indices: indexNames.min(1), attempts: z.number().int().min(0), triedAtMs: timeMs.nullable() })
    .exactOptional(),
  /** Indices of the new region that had been deleted in the old one. */
  deletedBefore: indexNames.default([]),
  /** Indices of the new region that are write-blocked, as the users had blocked them in the old one. */
  keptBlocks: indexNames.default([]),
  /** UUID of each index of the old region: the checkpoints are of these indices alone. */
  uuids: z.array(indexUuid).default([]),
  /** When the old region had no indices of its own left; null while it may still have writes of its own. */
  rejoinedAtMs: timeMs.nullable().default(null),
});

/**
 * The state of the region that is not active. absent: it cannot be promoted, and nothing is done with it; fencing and
 * salvaging: a former primary rejoins; following: it follows but is not in sync; in-sync: it may be promoted.
 */
const standbyState = z.enum(["absent", "fencing", "salvaging", "following", "in-sync"]);

export const memberSchema = z.strictObject({
  name: z.string(),
  site: z.string(),
  /** Name of the router beside it; null on a witness. */
  router: z.string().nullable(),
  /** https URL at which the others ask it in failsafe; null for a watchdog alone. */
  failsafeUrl: z.string().nullable().default(null),
});

/** An index of a region that the watchdog write-blocks, so that the block is lifted when the region opens. */
const writeBlock = z.strictObject({
  region,
  index: z.string().min(1),
  /** null in a record of an earlier version, which marked by name alone. */
  uuid: z.string().nullable(),
});

/** The form of earlier versions: one region, and names alone. */
const earlierWriteBlocks = z
  .strictObject({ region, indices: indexNames })
  .transform(({ region: of, indices }): z.output<typeof writeBlock>[] =>
    indices.map((index) => ({ region: of, index, uuid: null })),
  );

const everyPhase = {
  schemaVersion: z.literal(1),
  /** +1 whenever the region that may accept writes changes: on closing, on opening and on turning back. */
  epoch: z.number().int().min(1),
  /** +1 with every write of this document: it orders two copies of the same epoch. */
  sequence: z.number().int().min(1),
  /** Why the current phase began, as a sentence. */
  cause: z.string(),
  /** When the change of the current phase began. */
  startedAtMs: timeMs,
  /** No automatic failover before this time. */
  blockedUntilMs: timeMs.nullable(),
  paused: z.strictObject({ sinceMs: timeMs, by: z.string(), reason: z.string() }).nullable(),
  lastFailover: lastFailover.nullable(),
  /** Marks of the write blocks that the watchdog sets: see write-blocks.ts. null: none, never an empty list. */
  writeBlocks: z
    .union([z.array(writeBlock), earlierWriteBlocks])
    .nullable()
    .default(null),
  /**
   * A region whose promotion was undone after some followers had been detached: nothing was written to them, but they
   * follow no leader any more. It rejoins as a former primary does; up to the checkpoints it has what its leader has.
   */
  halfPromoted: z
    .strictObject({ region, checkpoints: z.array(shardCheckpoint) })
    .nullable()
    .default(null),
  /** The members: every watchdog that ever registered. Failsafe requires an answer from all of them. */
  watchdogs: z.array(memberSchema),
  /**
   * When this record was written into a store that was empty or had lost it: such a store does not have the leases from
   * before, so nothing is opened or promoted until one lease time to live has passed. Then it is null again.
   */
  filledAtMs: timeMs.nullable().default(null),
};

/** Fields of both phases of a change. */
const changing = {
  /** failover: `from` is lost or given up; switchover: `from` is healthy, and every write of it is in `to`. */
  change: z.enum(["failover", "switchover"]).default("failover"),
  /** The state of `to` before: restored when the change is called off. */
  standbyBefore: z
    .strictObject({ state: standbyState, inSyncAtMs: timeMs.nullable() })
    .default({ state: "in-sync", inSyncAtMs: null }),
  from: region,
  to: region,
  automatic: z.boolean(),
  leaderSight: leaderSnapshot.nullable(),
  /** An operator's request to go back to `from`, which no controller has handled yet. */
  abort: z
    .strictObject({ by: z.string().min(1), reason: z.string().nullable(), atMs: timeMs, validUntilMs: timeMs })
    .nullable()
    .default(null),
};

/**
 * A change that an operator asked for and no controller has handled yet. It is kept in the record, so that any controller
 * sees it; the rule that grants or refuses it removes it, and the history has the reason.
 */
const changeRequest = z.strictObject({
  /** failover: `to` takes over without the active region; switchover: planned, and loses no write. */
  kind: z.enum(["failover", "switchover"]),
  to: region,
  /** Permits a failover to a standby that is not in sync, or away from a healthy region. Unused for a switchover. */
  force: z.boolean(),
  /** Login name of the operator. */
  by: z.string().min(1),
  reason: z.string().nullable(),
  atMs: timeMs,
  /** After this time it is refused: the operator no longer expects it. */
  validUntilMs: timeMs,
});

const servingRecord = z.strictObject({
  ...everyPhase,
  phase: z.literal("serving"),
  active: region,
  /** State of the other region. */
  standby: standbyState,
  /** When the standby was last seen in sync with a healthy active region; refreshed from time to time. */
  inSyncAtMs: timeMs.nullable(),
  /** Start of the uninterrupted time in sync; null while not in sync. */
  inSyncSinceMs: timeMs.nullable().default(null),
  /** When every index was last seen protected, noted while in sync; null: not since the roles last changed. */
  allProtectedAtMs: timeMs.nullable().default(null),
  /** The rejoin or repair under way: neither stops traffic. */
  plan: planSchema.nullable().default(null),
  request: changeRequest.nullable().default(null),
  /** Followers whose leaders were deleted, by their own UUIDs, and when a majority first saw it. */
  deletedLeaders: z.array(indexUuid.extend({ seenAtMs: timeMs })).default([]),
  /**
   * Followers whose first copy was never seen complete, by their own UUIDs: a restart of the whole standby ends such a copy, and
   * afterwards nothing of the cluster tells it from one whose node is away. After a promotion: those that it left out.
   */
  unfinishedCopies: z.array(indexUuid).default([]),
  /** When a repair last tried to delete unfinished copies: it is tried again after a while, and holds nothing up. */
  discardTriedAtMs: timeMs.nullable().default(null),
  /** The change whose opening the hooks are to run after, under this epoch; absent: none has to run any more. */
  openingHooks: z
    .strictObject({ change: z.enum(["failover", "switchover"]), from: region, to: region, reason: z.string() })
    .exactOptional(),
});

const closingRecord = z.strictObject({ ...everyPhase, phase: z.literal("closing"), ...changing });

const promotingRecord = z.strictObject({
  ...everyPhase,
  phase: z.literal("promoting"),
  ...changing,
  /** When the last router to the old region had acknowledged or lost its lease. */
  closedAtMs: timeMs,
  plan: planSchema,
});

const anyRecord = z.discriminatedUnion("phase", [servingRecord, closingRecord, promotingRecord]);

export const stateRecordSchema = anyRecord.transform(markedByPlan);

/**
 * An earlier version marked the blocks of a plan only when the plan ended. While one is under way, its indices are marked
 * here, so that its blocks are lifted whichever way it ends.
 */
function markedByPlan(record: z.output<typeof anyRecord>): z.output<typeof anyRecord> {
  const plan = record.phase === "closing" ? null : record.plan;
  const step = plan?.steps.find(({ kind }) => kind === "block-writes" || kind === "fence");
  if (step === undefined || !("indices" in step) || step.attempts === 0) return record;
  const { lastFailover, halfPromoted } = record;
  const region =
    record.phase === "serving"
      ? [lastFailover?.from, halfPromoted?.region].find((name) => name !== undefined && name !== record.active)
      : record.from;
  const marks = record.writeBlocks ?? [];
  const unmarked = step.indices.filter(
    (name) => !marks.some((block) => block.region === region && block.index === name),
  );
  if (region === undefined || unmarked.length === 0) return record;
  return { ...record, writeBlocks: [...marks, ...unmarked.map((index) => ({ region, index, uuid: null }))] };
}

export type StateRecord = DeepReadonly<z.output<typeof stateRecordSchema>>;
export type ServingRecord = DeepReadonly<z.output<typeof servingRecord>>;
export type ClosingRecord = DeepReadonly<z.output<typeof closingRecord>>;
export type PromotingRecord = DeepReadonly<z.output<typeof promotingRecord>>;
/** A record with a plan to carry out. */
export type PlannedRecord = PromotingRecord | (ServingRecord & { readonly plan: Plan });
export type StandbyState = ServingRecord["standby"];
/** A watchdog in the record: failsafe requires an answer from each of them. */
export type Member = StateRecord["watchdogs"][number];
export type ChangeRequest = DeepReadonly<z.output<typeof changeRequest>>;
export type AbortRequest = NonNullable<ClosingRecord["abort"]>;
export type WriteBlock = DeepReadonly<z.output<typeof writeBlock>>;
export type LastFailover = DeepReadonly<z.output<typeof lastFailover>>;

/** Parses a document from outside. @throws Error with the path of the first invalid field */
export function parseStateRecord(value: unknown): StateRecord {
  const parsed = stateRecordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") || "the document itself";
  throw new Error(`this version cannot read the state document: ${where}: ${issue?.message ?? "invalid"}`);
}

/** True when `a` is newer than `b`: by epoch, then by sequence. */
export function isNewer(a: StateRecord, b: StateRecord): boolean {
  return a.epoch !== b.epoch ? a.epoch > b.epoch : a.sequence > b.sequence;
}
