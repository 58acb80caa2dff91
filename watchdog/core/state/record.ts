import { z } from "zod";

/**
 * The one document that says who is active. It lives in the store, is changed only by compare-and-swap, and is parsed
 * with this schema whenever it comes back from there: a document that a newer version wrote is refused, not guessed at.
 */

const region = z.string().min(1);
/** Wall clock, milliseconds since 1970. */
const timeMs = z.number().int().nonnegative();
const indexNames = z.array(z.string().min(1));

const shardCheckpoint = z.strictObject({
  index: z.string(),
  shard: z.number().int().min(0),
  globalCheckpoint: z.number().int().min(-1),
  maxSeqNo: z.number().int().min(-1),
});

/** What a look at the active region showed of its managed indices, kept because it cannot be asked once it is lost. */
const leaderSight = z.strictObject({
  atMs: timeMs,
  indices: indexNames,
  /** Which index bore each name: a later one of the same name is another index. */
  uuids: z.array(z.strictObject({ index: z.string(), uuid: z.string() })).default([]),
  /** Highest sequence number per shard at that time. */
  shards: z.array(z.strictObject({ index: z.string(), shard: z.number().int().min(0), maxSeqNo: z.number().int() })),
  /** Which index each alias writes to: followers do not know. */
  writeAliases: z.array(z.strictObject({ alias: z.string(), index: z.string() })),
  /** Highest rate over all shards between two looks; null while there was only one look. */
  peakOperationsPerSecond: z.number().min(0).nullable(),
});

const shardLoss = z.strictObject({
  index: z.string(),
  shard: z.number().int().min(0),
  atLeast: z.number().int().min(0),
  /** null: nothing is known that bounds it. */
  atMost: z.number().int().min(0).nullable(),
});

const lossEstimate = z.strictObject({
  /** Operations that the old region is known to hold and the new one lacks. */
  atLeast: z.number().int().min(0),
  /** Operations that may be missing, if writes went on at the highest rate seen; null: nothing bounds it. */
  atMost: z.number().int().min(0).nullable(),
  shards: z.array(shardLoss),
  /** Time between the last look at the old region and the moment when no router could reach it any more. */
  unseenMs: z.number().int().min(0).nullable(),
  explanation: z.string(),
});

const stepProgress = {
  /** failed: the last attempt failed, another follows; `error` says why. */
  status: z.enum(["pending", "running", "done", "failed"]),
  attempts: z.number().int().min(0),
  startedAtMs: timeMs.nullable(),
  finishedAtMs: timeMs.nullable(),
  error: z.string().nullable(),
};

/** A step of a plan: what it works on (fixed when the plan was made) and what it recorded while it ran. */
const planStep = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("pause-auto-follow"), ...stepProgress, patterns: z.array(z.string()) }),
  z.strictObject({
    kind: z.literal("drain"),
    ...stepProgress,
    timeoutMs: z.number().int().min(0),
    /** The leader's checkpoints as the followers last knew them; a paused follower cannot tell any more. */
    leaderCheckpoints: z
      .array(z.strictObject({ index: z.string(), shard: z.number().int().min(0), checkpoint: z.number().int() }))
      .nullable(),
  }),
  z.strictObject({
    kind: z.literal("record-checkpoints"),
    ...stepProgress,
    indices: indexNames,
    checkpoints: z.array(shardCheckpoint).nullable(),
    loss: lossEstimate.nullable(),
  }),
  z.strictObject({ kind: z.literal("pause-follow"), ...stepProgress, indices: indexNames }),
  z.strictObject({ kind: z.literal("close"), ...stepProgress, indices: indexNames }),
  z.strictObject({ kind: z.literal("unfollow"), ...stepProgress, indices: indexNames }),
  z.strictObject({ kind: z.literal("open"), ...stepProgress, indices: indexNames }),
  z.strictObject({
    kind: z.literal("write-aliases"),
    ...stepProgress,
    aliases: z.array(z.strictObject({ alias: z.string(), index: z.string() })),
  }),
  z.strictObject({ kind: z.literal("data-streams"), ...stepProgress, dataStreams: z.array(z.string()) }),
  z.strictObject({ kind: z.literal("verify"), ...stepProgress, indices: indexNames }),
  /** Write blocks on the region that is left; `indices` are those that had none before. */
  z.strictObject({ kind: z.literal("block-writes"), ...stepProgress, indices: indexNames }),
  z.strictObject({
    kind: z.literal("catch-up"),
    ...stepProgress,
    timeoutMs: z.number().int().min(0),
    /** Where every shard of the leader ended, and the follower with it. */
    leaderCheckpoints: z
      .array(z.strictObject({ index: z.string(), shard: z.number().int().min(0), checkpoint: z.number().int() }))
      .nullable(),
  }),
  z.strictObject({ kind: z.literal("lift-write-block"), ...stepProgress, indices: indexNames }),
  /** Write blocks on a former primary, before anything else is done with it; `indices` are those that had none before. */
  z.strictObject({ kind: z.literal("fence"), ...stepProgress, indices: indexNames }),
  z.strictObject({
    kind: z.literal("salvage"),
    ...stepProgress,
    /** What was brought to safety, where, and what could not be read; null until it was. */
    report: z
      .strictObject({
        place: z.string(),
        operations: z.number().int().min(0),
        indices: z.number().int().min(0),
        leftOut: z.array(z.strictObject({ index: z.string(), reason: z.string() })),
      })
      .nullable(),
  }),
  /** Makes room for followers: `deleted` and `setAside` are what it has done so far. */
  z.strictObject({
    kind: z.literal("clear"),
    ...stepProgress,
    policy: z.enum(["delete", "keep"]),
    deleted: indexNames,
    setAside: indexNames,
  }),
]);

const plan = z.strictObject({
  /**
   * promotion: of a standby whose leader is lost; switchover: of one whose leader is well; undo: back to where a
   * switchover came from; rejoin: a former primary becomes the standby; repair: of indices of the active region that
   * refuse writes.
   */
  kind: z.enum(["promotion", "switchover", "undo", "rejoin", "repair"]),
  createdAtMs: timeMs,
  steps: z.array(planStep).min(1),
});

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
  watchdogs: z.array(
    z.strictObject({
      name: z.string(),
      site: z.string(),
      router: z.string().nullable(),
      /** Where the others ask it in failsafe; null where it stands alone. */
      failsafeUrl: z.string().nullable().default(null),
    }),
  ),
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
  leaderSight: leaderSight.nullable(),
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
  plan: plan.nullable().default(null),
  request: changeRequest.nullable().default(null),
});

const closingRecord = z.strictObject({ ...everyPhase, phase: z.literal("closing"), ...changing });

const promotingRecord = z.strictObject({
  ...everyPhase,
  phase: z.literal("promoting"),
  ...changing,
  /** When the last router to the old region had acknowledged or lost its lease. */
  closedAtMs: timeMs,
  plan,
});

export const stateRecordSchema = z.discriminatedUnion("phase", [servingRecord, closingRecord, promotingRecord]);

type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

export type StateRecord = DeepReadonly<z.output<typeof stateRecordSchema>>;
export type ServingRecord = DeepReadonly<z.output<typeof servingRecord>>;
export type ClosingRecord = DeepReadonly<z.output<typeof closingRecord>>;
export type PromotingRecord = DeepReadonly<z.output<typeof promotingRecord>>;
/** A record with a plan to be carried out. */
export type PlannedRecord = PromotingRecord | (ServingRecord & { readonly plan: Plan });
export type StandbyState = ServingRecord["standby"];
export type Plan = DeepReadonly<z.output<typeof plan>>;
export type PlanStep = DeepReadonly<z.output<typeof planStep>>;
export type StepKind = PlanStep["kind"];
export type PlanKind = Plan["kind"];
export type StepOf<K extends StepKind> = Extract<PlanStep, { kind: K }>;
export type StepStatus = PlanStep["status"];
export type LeaderCheckpoints = NonNullable<Extract<PlanStep, { kind: "drain" }>["leaderCheckpoints"]>;
export type LeaderSight = DeepReadonly<z.output<typeof leaderSight>>;
export type LossEstimate = DeepReadonly<z.output<typeof lossEstimate>>;
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
