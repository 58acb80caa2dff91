import { z } from "zod";
import { memberSchema, stateRecordSchema } from "../../core/state/record.ts";
import { indexUuid, leaderSnapshot, shardCheckpoint } from "../../core/state/record-fields.ts";
import { healthStateSchema } from "../../core/state/report.ts";
import {
  autoFollowPattern,
  clusterReadiness,
  dataStreamState,
  follower,
  indexState,
  unmatchedIndex,
  unprotectedIndex,
} from "./cluster-fields.ts";
import { leadership, regionHealth, routerLease, storeState } from "./observed-fields.ts";

const siteReport = z.object({
  site: z.string(),
  epoch: z.number().nullable().exactOptional(),
  deletedLeaders: z.array(z.string()).nullable().exactOptional(),
  regions: z.record(z.string(), healthStateSchema),
  unhealthy: z.record(z.string(), z.string()).exactOptional(),
  failingForMs: z.record(z.string(), z.number()).exactOptional(),
});

const standbySnapshot = z.object({
  region: z.string(),
  observedAtMs: z.number(),
  readiness: clusterReadiness,
  indices: z.array(indexState),
  followers: z.array(follower),
  autoFollow: z.array(autoFollowPattern),
  dataStreams: z.array(dataStreamState),
  checkpoints: z.array(shardCheckpoint).default([]),
  sync: z
    .object({
      inSync: z.boolean(),
      reasons: z.array(z.string()),
      unprotected: z.array(unprotectedIndex),
      lagOperations: z.number(),
      readAgeMs: z.number(),
    })
    .nullable(),
});

const activeSnapshot = z.object({
  region: z.string(),
  observedAtMs: z.number(),
  readiness: clusterReadiness,
  indices: z.array(indexState),
  dataStreams: z.array(dataStreamState).default([]),
  strays: z.array(z.string()),
  unmatched: z.array(unmatchedIndex).default([]),
});

const hookReport = z
  .object({
    id: z.string(),
    state: z.enum(["running", "done", "stopped"]),
    atMs: z.number(),
    words: z.string().nullable(),
  })
  .nullable();

const observations = z.object({
  health: z.record(z.string(), regionHealth),
  sites: z.array(siteReport),
  standby: standbySnapshot.nullable(),
  active: activeSnapshot.nullable(),
  standbyError: z.string().nullable(),
  inSyncSeenAtMs: z.number().nullable(),
  leaderSight: leaderSnapshot.nullable(),
  deletedLeaders: z.array(indexUuid).nullable().exactOptional(),
  routers: z.array(routerLease).nullable(),
  store: storeState,
  newerVersion: z.string().nullable().exactOptional(),
  leadership,
  known: z.array(memberSchema),
  silence: z.record(z.string(), z.number()).exactOptional(),
  promisedForMs: z.number(),
  filledKnownForMs: z.number().nullable(),
  changeKnownForMs: z.number().nullable().exactOptional(),
  selfDoubt: z.array(z.string()),
  newestCopy: stateRecordSchema.nullable(),
  copyError: z.string().nullable(),
  firstLooks: z.array(z.object({ region: z.string(), following: z.array(z.string()) })),
  hooks: z.object({ before: hookReport, after: hookReport }).exactOptional(),
});

/** What a watchdog decides from: a `KnownSituation`. */
export const situationSchema = z.object({
  record: stateRecordSchema.nullable(),
  seen: observations,
  nowMs: z.number(),
});
