import { z } from "zod";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import {
  indexNames,
  indexUuid,
  type LeftOut,
  leftOut,
  lossEstimate,
  shardCheckpoint,
  timeMs,
} from "./record-fields.ts";

/** A change as a list of steps, kept in the record so that any watchdog can resume it. Field names are persisted. */

const stepProgress = {
  /** failed: the last attempt failed, with `error`; another one follows. */
  status: z.enum(["pending", "running", "done", "failed"]),
  attempts: z.number().int().min(0),
  startedAtMs: timeMs.nullable(),
  finishedAtMs: timeMs.nullable(),
  error: z.string().nullable(),
};

/** Aliases or data streams for which the step kept failing until it was given up, and why. Absent: none. */
const givenUp = { failures: z.array(leftOut).exactOptional() };

/** What a step works on, fixed when the plan was made, and what it recorded while it ran. */
const planStep = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("pause-auto-follow"), ...stepProgress, patterns: z.array(z.string()) }),
  z.strictObject({
    kind: z.literal("drain"),
    ...stepProgress,
    timeoutMs: z.number().int().min(0),
    /** The leader's checkpoints as the followers last knew them: a paused follower reports none. */
    leaderCheckpoints: z
      .array(z.strictObject({ index: z.string(), shard: z.number().int().min(0), checkpoint: z.number().int() }))
      .nullable(),
  }),
  z.strictObject({
    kind: z.literal("record-checkpoints"),
    ...stepProgress,
    indices: indexNames,
    checkpoints: z.array(shardCheckpoint).nullable(),
    /** Which index each follower followed: its checkpoints mean nothing for a later one of the same name. */
    leaders: z.array(indexUuid).default([]),
    loss: lossEstimate.nullable(),
  }),
  z.strictObject({
    kind: z.literal("pause-follow"),
    ...stepProgress,
    indices: indexNames,
    /** Followers whose write block was lifted: it came along when they were made, and their leaders have none. */
    lifted: indexNames.default([]),
  }),
  z.strictObject({ kind: z.literal("close"), ...stepProgress, indices: indexNames }),
  z.strictObject({ kind: z.literal("unfollow"), ...stepProgress, indices: indexNames }),
  z.strictObject({ kind: z.literal("open"), ...stepProgress, indices: indexNames }),
  /** Deletes followers with nothing that may be served: these are the indices that the change leaves out. */
  z.strictObject({
    kind: z.literal("discard-copies"),
    ...stepProgress,
    copies: z.array(leftOut.extend({ uuid: z.string() })),
    /** Those that are still there, and why. */
    failures: z.array(leftOut),
  }),
  /** Write-blocks indices that the users had write-blocked in the old region. */
  z.strictObject({ kind: z.literal("keep-blocks"), ...stepProgress, indices: indexNames }),
  z.strictObject({
    kind: z.literal("write-aliases"),
    ...stepProgress,
    aliases: z.array(
      z.strictObject({
        alias: z.string(),
        index: z.string(),
        /** The write index in the old region, where the new one lacks it. */
        insteadOf: z.string().nullable().default(null),
      }),
    ),
    /** Write aliases of the old region of which the new one has no index. */
    unset: z.array(z.string()).default([]),
    ...givenUp,
  }),
  z.strictObject({ kind: z.literal("data-streams"), ...stepProgress, dataStreams: z.array(z.string()), ...givenUp }),
  z.strictObject({ kind: z.literal("verify"), ...stepProgress, indices: indexNames }),
  /** Write-blocks the region that is left; `indices` are those that had no write block before. */
  z.strictObject({ kind: z.literal("block-writes"), ...stepProgress, indices: indexNames }),
  z.strictObject({
    kind: z.literal("catch-up"),
    ...stepProgress,
    timeoutMs: z.number().int().min(0),
    /** The last operation of every leader shard, which its follower has too. */
    leaderCheckpoints: z
      .array(z.strictObject({ index: z.string(), shard: z.number().int().min(0), checkpoint: z.number().int() }))
      .nullable(),
  }),
  z.strictObject({ kind: z.literal("lift-write-block"), ...stepProgress, indices: indexNames }),
  /** Write-blocks a former primary before anything else; `indices` are those that had no write block before. */
  z.strictObject({ kind: z.literal("fence"), ...stepProgress, indices: indexNames }),
  z.strictObject({
    kind: z.literal("salvage"),
    ...stepProgress,
    /** What was exported, where to, and what could not be read; null until then. */
    report: z
      .strictObject({
        place: z.string(),
        operations: z.number().int().min(0),
        indices: z.number().int().min(0),
        leftOut: z.array(z.strictObject({ index: z.string(), reason: z.string() })),
        /** What the region has to copy from the active one once it is cleared; null: unknown. */
        copyBytes: z.number().int().min(0).nullable().default(null),
      })
      .nullable(),
  }),
  /** Makes room for followers; `deleted` and `setAside` list the indices done so far. */
  z.strictObject({
    kind: z.literal("clear"),
    ...stepProgress,
    /** wait: for an operator, who replaces it by one of the others. */
    policy: z.enum(["delete", "keep", "wait"]),
    deleted: indexNames,
    setAside: indexNames,
  }),
]);

export const planSchema = z.strictObject({
  /**
   * promotion: of a standby whose leader is lost; switchover: of one whose leader is healthy; undo: a switchover turns
   * back; rejoin: a former primary becomes the standby; repair: of indices of the active region that refuse writes.
   */
  kind: z.enum(["promotion", "switchover", "undo", "rejoin", "repair"]),
  createdAtMs: timeMs,
  steps: z.array(planStep).min(1),
  /** Complete copies that are left out because a step kept failing for them; they are kept, and join later. Absent: none. */
  leftOut: z.array(leftOut).exactOptional(),
});

export type Plan = DeepReadonly<z.output<typeof planSchema>>;
export type PlanStep = DeepReadonly<z.output<typeof planStep>>;
export type StepKind = PlanStep["kind"];
export type PlanKind = Plan["kind"];
export type StepOf<K extends StepKind> = Extract<PlanStep, { kind: K }>;
export type StepStatus = PlanStep["status"];
export type LeaderCheckpoints = NonNullable<StepOf<"drain">["leaderCheckpoints"]>;

/** A step that has not begun. */
export const notStarted = {
  status: "pending",
  attempts: 0,
  startedAtMs: null,
  finishedAtMs: null,
  error: null,
} as const;

/** The first step that is not done; null when all are. */
export function currentStep(plan: Plan): PlanStep | null {
  return plan.steps.find(({ status }) => status !== "done") ?? null;
}

/** True once an unfollow began, which cannot be undone: the index follows again only as a new copy. */
export function isIrreversible(plan: Plan): boolean {
  return plan.steps.some(({ kind, status, attempts }) => kind === "unfollow" && (status !== "pending" || attempts > 0));
}

/** The step of one kind, with what it recorded; null when the plan has none. */
export function stepOf<K extends StepKind>(plan: Plan, kind: K): StepOf<K> | null {
  return plan.steps.find((step): step is StepOf<K> => step.kind === kind) ?? null;
}

/** Complete copies that the plan leaves out. */
export const stuckOf = (plan: Plan): readonly LeftOut[] => plan.leftOut ?? [];

/** The copies that the plan leaves out and deletes, with their UUIDs. */
export const copiesOf = (plan: Plan): StepOf<"discard-copies">["copies"] =>
  stepOf(plan, "discard-copies")?.copies ?? [];

/** Aliases and data streams that were given up. */
export const targetsGivenUp = (plan: Plan): readonly LeftOut[] => [
  ...(stepOf(plan, "write-aliases")?.failures ?? []),
  ...(stepOf(plan, "data-streams")?.failures ?? []),
];

/** Write aliases of the old region that write nowhere in the new one. */
export const unsetAliases = (plan: Plan): readonly LeftOut[] =>
  (stepOf(plan, "write-aliases")?.unset ?? []).map((alias) => ({
    index: alias,
    reason: "it has no write index: none of its indices was promoted",
  }));

/** All indices that the plan leaves out, as it is told. */
export const leftOutBy = (plan: Plan): readonly LeftOut[] => [
  ...copiesOf(plan).map(({ uuid: _, ...copy }) => copy),
  ...stuckOf(plan),
];

/** The plan with the step of the same kind replaced. */
export function withStep(plan: Plan, step: PlanStep): Plan {
  return { ...plan, steps: plan.steps.map((old) => (old.kind === step.kind ? step : old)) };
}
