import { z } from "zod";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import { type Plan, planSchema } from "./plan.ts";
import { indexNames, leaderSnapshot, lossEstimate, region, shardCheckpoint, timeMs } from "./record-fields.ts";

/**
 * The one document that says who is active. It lives in the store, is changed only by compare-and-swap, and is parsed
 * with this schema whenever it comes back from there: a document that a newer version wrote is refused, not guessed at.
 */

/** The last time the active region changed, whether planned or not. */
const lastFailover = z.strictObject({
  kind: z.enum(["failover", "switchover"]).default("failover"),
  from: region,
  to: region,
  automatic: z.boolean(),
  cause: z.string(),
  startedAtMs: timeMs,
  finishedAtMs: timeMs,
  /** Where each follower shard stood when it was cut off: what the old region holds above it is to be salvaged. */
  checkpoints: z.array(shardCheckpoint),
  loss: lossEstimate,
  /** Managed indices seen on the old region that the new one lacks. */
  missingIndices: indexNames,
  /** Which index of the old region bore each name: the checkpoints speak of these alone. */
  uuids: z.array(z.strictObject({ index: z.string(), uuid: z.string() })).default([]),
  /** When the old region had been emptied of what it held of its own; null: it may still hold writes. */
  rejoinedAtMs: timeMs.nullable().default(null),
});

/** How the region that is not active stands. */
const standbyState = z.enum(["absent", "fencing", "salvaging", "following", "in-sync"]);

export const memberSchema = z.strictObject({
  name: z.string(),
  site: z.string(),
  /** null on a witness. */
  router: z.string().nullable(),
  /** Where the others ask it in failsafe; null where it stands alone. */
  failsafeUrl: z.string().nullable().default(null),
});

const everyPhase = {
  schemaVersion: z.literal(1),
  /** +1 whenever who may accept writes changes: on closing, on opening, and on going back. */
  epoch: z.number().int().min(1),
  /** +1 with every write of this document: orders two copies of the same epoch. */
  sequence: z.number().int().min(1),
  /** Why the present phase began, for people. */
  cause: z.string(),
  /** When the present phase's change began. */
  startedAtMs: timeMs,
  /** No automatic failover before this time. */
  blockedUntilMs: timeMs.nullable(),
  paused: z.strictObject({ sinceMs: timeMs, by: z.string(), reason: z.string() }).nullable(),
  lastFailover: lastFailover.nullable(),
  /** Write blocks that this system set, and takes back should their region become the active one. */
  writeBlocks: z.strictObject({ region, indices: indexNames }).nullable().default(null),
  /**
   * A region whose promotion was undone after some followers had been converted: nobody wrote to them, but they follow
   * nothing any more. It rejoins like a former primary; up to the checkpoints it holds what its leader holds.
   */
  halfPromoted: z
    .strictObject({ region, checkpoints: z.array(shardCheckpoint) })
    .nullable()
    .default(null),
  /** Every watchdog that ever took part, so that failsafe knows whose word it needs. `router` is null on a witness. */
  watchdogs: z.array(memberSchema),
  /**
   * When this record was put into a store that had lost it, or into an empty one: leases from before are not in there,
   * so nothing is opened or promoted until one lease time to live has passed. Then it is null again.
   */
  filledAtMs: timeMs.nullable().default(null),
};

/** What both phases of a change under way carry. */
const changing = {
  /** failover: `from` is lost or given up; switchover: `from` is well, and nothing of it is left behind. */
  change: z.enum(["failover", "switchover"]).default("failover"),
  /** How `to` stood before: what it is again when the change is called off. */
  standbyBefore: z
    .strictObject({ state: standbyState, inSyncAtMs: timeMs.nullable() })
    .default({ state: "in-sync", inSyncAtMs: null }),
  from: region,
  to: region,
  automatic: z.boolean(),
  leaderSight: leaderSnapshot.nullable(),
};

/**
 * A change that an operator asked for and nobody has decided on yet. It waits in the record, so that whichever watchdog
 * decides sees it; the rule that acts on it or refuses it takes it out, and the history says why.
 */
const changeRequest = z.strictObject({
  /** failover: `to` takes over although the active region cannot be asked; switchover: planned, loses nothing. */
  kind: z.enum(["failover", "switchover"]),
  to: region,
  /** A failover to a standby that is not in sync, or although the active region is well; says nothing of a switchover. */
  force: z.boolean(),
  /** Login name of who asked. */
  by: z.string().min(1),
  reason: z.string().nullable(),
  atMs: timeMs,
  /** After this time it is refused: nobody waits for it any more. */
  validUntilMs: timeMs,
});

const servingRecord = z.strictObject({
  ...everyPhase,
  phase: z.literal("serving"),
  active: region,
  /** How the other region stands. `in-sync`: as of `inSyncAtMs` it may be promoted automatically. */
  standby: standbyState,
  /** When the standby was last seen in sync with a healthy active region; refreshed now and then. */
  inSyncAtMs: timeMs.nullable(),
  /** Since when it has been in sync without interruption. */
  inSyncSinceMs: timeMs.nullable().default(null),
  /** A rejoin or a repair under way: neither stops traffic. */
  plan: planSchema.nullable().default(null),
  request: changeRequest.nullable().default(null),
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

export const stateRecordSchema = z.discriminatedUnion("phase", [servingRecord, closingRecord, promotingRecord]);

export type StateRecord = DeepReadonly<z.output<typeof stateRecordSchema>>;
export type ServingRecord = DeepReadonly<z.output<typeof servingRecord>>;
export type ClosingRecord = DeepReadonly<z.output<typeof closingRecord>>;
export type PromotingRecord = DeepReadonly<z.output<typeof promotingRecord>>;
/** A record with a plan to be carried out. */
export type PlannedRecord = PromotingRecord | (ServingRecord & { readonly plan: Plan });
export type StandbyState = ServingRecord["standby"];
/** A watchdog in the record: failsafe requires an answer from each of them. */
export type Member = StateRecord["watchdogs"][number];
export type ChangeRequest = DeepReadonly<z.output<typeof changeRequest>>;
export type LastFailover = DeepReadonly<z.output<typeof lastFailover>>;

/** Parses a document from outside. Throws with the path of the first wrong field. */
export function parseStateRecord(value: unknown): StateRecord {
  const parsed = stateRecordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") || "the document itself";
  throw new Error(`the state document is not one this version can read: ${where}: ${issue?.message ?? "invalid"}`);
}

/** True when `a` is newer than `b`: by epoch, then by sequence. */
export function isNewer(a: StateRecord, b: StateRecord): boolean {
  return a.epoch !== b.epoch ? a.epoch > b.epoch : a.sequence > b.sequence;
}
