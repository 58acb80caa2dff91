import { z } from "zod";
import { memberSchema, stateRecordSchema } from "../core/state/record.ts";
import { watchdogReportSchema } from "../core/state/report.ts";
import { notificationsReportSchema } from "../notifications/report.ts";
import type { DeepReadonly } from "../util/deep-readonly.ts";
import { clusterReadiness, unprotectedIndex } from "./control-api/cluster-fields.ts";
import { leadership, regionHealth, routerLease, storeState } from "./control-api/observed-fields.ts";

/** What a watchdog reports about itself, as plain JSON. Times are wall clock, milliseconds since 1970. */

const regionStatus = z.object({
  region: z.string(),
  /** active and standby while serving; old and new while a change is under way. */
  role: z.enum(["active", "standby", "old", "new", "unknown"]),
  health: regionHealth,
  /** As the last snapshot of the region has it; null without one. */
  licence: clusterReadiness.shape.licence.nullable().default(null),
  /** `problem`: a sentence, where the last success is too long ago. null: the region does not tell, or has no snapshots. */
  snapshots: z
    .object({ lastSuccessAtMs: z.number().nullable(), problem: z.string().nullable() })
    .nullable()
    .exactOptional(),
});

const failsafeReport = z.object({
  /** When its router last had to ask the others because the store did not answer; null: never. */
  lastAskedAtMs: z.number().nullable(),
  /** Why the router could not continue then; null when it could. */
  fault: z.string().nullable(),
  answers: z.array(z.object({ watchdog: z.string(), agrees: z.boolean(), reason: z.string().nullable() })),
  /** How long failsafe grants, given or received, still keep this watchdog from promoting. */
  promisedForMs: z.number(),
});

const replicationStatus = z.object({
  observedAtMs: z.number(),
  inSync: z.boolean(),
  /** Why the standby is not in sync; empty when it is. */
  reasons: z.array(z.string()),
  /** Operations over all shards, as last known to the followers. */
  lagOperations: z.number().nullable(),
  /** For how long the standby has lacked what it lacks, by this watchdog's clock; null while the two cannot be compared. */
  lagMs: z.number().nullable().default(null),
  /** The longest time since a follower last read from its leader. */
  readAgeMs: z.number().nullable(),
  followers: z.number(),
  /** Managed indices in the last snapshot of the active region; null without one. */
  leaderIndices: z.number().nullable(),
  /** Indices that the standby could replace now, of those that can be followed; null while the two cannot be compared. */
  protectedIndices: z.object({ count: z.number(), of: z.number() }).nullable(),
  /** Those that it could not replace, at most 50: those that are copied first. */
  unprotected: z.array(unprotectedIndex),
  /** Data streams of the active region. */
  dataStreams: z
    .array(
      z.object({
        name: z.string(),
        writeIndex: z.string(),
        indices: z.number(),
        /** How many of its indices the standby follows. */
        followed: z.number(),
        problems: z.array(z.string()),
      }),
    )
    .default([]),
  /** The latest changes of the replication, newest first, with the error of those that failed. */
  repairs: z.array(z.object({ atMs: z.number(), change: z.string(), error: z.string().nullable() })),
});

const stepReport = z.object({
  /** The step's kind in the plan. */
  kind: z.string(),
  status: z.enum(["pending", "running", "done", "failed"]),
  /** What it works on, in words. */
  detail: z.string(),
  attempts: z.number(),
  error: z.string().nullable(),
  startedAtMs: z.number().nullable(),
  finishedAtMs: z.number().nullable(),
  /** When a failed step is retried. */
  nextAttemptAtMs: z.number().nullable(),
});

const routerReport = z.object({
  name: z.string(),
  /** The last action on the router, in a sentence. */
  summary: z.string(),
  /** As HAProxy last reported it; null when it never answered. */
  state: z
    .object({
      tickets: z.array(z.object({ region: z.string(), validUntilMs: z.number() })),
      servers: z.array(z.object({ region: z.string(), name: z.string(), up: z.boolean() })),
      writes: z.array(z.object({ region: z.string(), firstAtMs: z.number(), lastAtMs: z.number() })).default([]),
    })
    .nullable(),
  /** The last ticket issued; null when it has been emptied. */
  ticket: z.object({ region: z.string(), epoch: z.number(), validUntilMs: z.number() }).nullable(),
  leaseUntilMs: z.number().nullable(),
  /** Of the last change, as this router saw it; null when it did not, or has seen no write since. */
  writePause: z.object({ fromMs: z.number(), toMs: z.number() }).nullable().default(null),
  acknowledgedEpoch: z.number(),
  error: z.string().nullable(),
});

const decision = z.object({
  atMs: z.number(),
  rule: z.string(),
  epoch: z.number().nullable(),
  explanation: z.string(),
});

export const watchdogStatusSchema = z.object({
  name: z.string(),
  site: z.string(),
  nowMs: z.number(),
  startedAtMs: z.number(),
  /** The explanation of the newest decision. */
  summary: z.string(),
  record: stateRecordSchema.nullable(),
  /** `warning`: what to do before its quota is reached. */
  store: storeState.extend({ warning: z.string().nullable().exactOptional() }),
  /** Why this version reads only a part of the record; null or absent when it reads all. */
  newerVersion: z.string().nullable().exactOptional(),
  /** The self-check: `reasons` are its blockers. */
  self: z.object({ trusted: z.boolean(), reasons: z.array(z.string()) }),
  /** Why changed certificates and passwords on this host are not used. */
  files: z.array(z.string()).default([]),
  /** Why a hook refuses a change for now; null when none does. */
  hookRefusal: z.string().nullable().default(null),
  regions: z.array(regionStatus),
  /** The last report of each watchdog, this one included. */
  sightings: z.array(watchdogReportSchema),
  leadership,
  /** Every registered watchdog. */
  watchdogs: z.array(memberSchema),
  /** Those of them that do not report, and for how long this watchdog has seen that, in milliseconds. */
  silence: z.record(z.string(), z.number()),
  /** Routers that hold a lease, as the controller reads them; null on any other watchdog. */
  leases: z.array(routerLease).nullable(),
  /** null for a watchdog without others. */
  failsafe: failsafeReport.nullable(),
  replication: replicationStatus.nullable(),
  /** Steps of the plan under way; null without one. */
  plan: z.array(stepReport).nullable(),
  /** null on a witness. */
  router: routerReport.nullable(),
  /** Messages to people; null where no target is configured. */
  notifications: notificationsReportSchema.nullable().default(null),
  /** Newest first; consecutive repetitions are one entry. */
  decisions: z.array(decision),
});

export type WatchdogStatus = DeepReadonly<z.output<typeof watchdogStatusSchema>>;
export type RegionStatus = DeepReadonly<z.output<typeof regionStatus>>;
export type FailsafeReport = DeepReadonly<z.output<typeof failsafeReport>>;
export type ReplicationStatus = DeepReadonly<z.output<typeof replicationStatus>>;
export type StepReport = DeepReadonly<z.output<typeof stepReport>>;
export type RouterReport = DeepReadonly<z.output<typeof routerReport>>;
export type Decision = DeepReadonly<z.output<typeof decision>>;
