import { z } from "zod";

/** Fields of one region's cluster in answers of the control API; their types are in core/state/cluster.ts. */

export const clusterReadiness = z.object({
  licence: z.object({
    type: z.string(),
    active: z.boolean(),
    allowsCcr: z.boolean(),
    expiresAtMs: z.number().nullable().default(null),
  }),
  version: z.string(),
  remote: z.object({ configured: z.boolean(), connected: z.boolean(), keyed: z.boolean().default(false) }),
  nodesLowOnDisk: z.array(z.string()),
  readOnly: z.boolean(),
  snapshotting: z.array(z.string()).default([]),
  allocatesPrimaries: z.boolean().default(true),
});

const firstCopy = z.object({
  state: z.enum(["running", "failed"]),
  bytesDone: z.number(),
  bytesTotal: z.number().nullable(),
  startedAtMs: z.number().nullable(),
  error: z.string().nullable(),
});

export const indexState = z.object({
  name: z.string(),
  uuid: z.string(),
  createdAtMs: z.number(),
  open: z.boolean(),
  primaries: z.number(),
  primariesActive: z.number(),
  aliases: z.array(z.object({ alias: z.string(), isWriteIndex: z.boolean() })),
  dataStream: z.string().nullable(),
  writeBlocked: z.boolean(),
  following: z.boolean(),
  firstCopy: firstCopy.nullable(),
  noCopy: z.boolean().default(false),
  indexingComplete: z.boolean().default(false),
  searchableSnapshot: z.boolean().default(false),
});

export const unmatchedIndex = z.object({
  name: z.string(),
  aliases: z.array(z.string()),
  searchableSnapshot: z.boolean(),
});

export const unprotectedIndex = z.object({
  index: z.string(),
  state: z.enum(["not-followed", "copying", "copy-failed", "behind", "unfollowable"]),
  reason: z.string(),
  copy: firstCopy.nullable(),
  sinceMs: z.number(),
  established: z.boolean(),
  required: z.boolean().default(true),
});

const shardProgress = z.object({
  shard: z.number(),
  followerCheckpoint: z.number(),
  leaderCheckpointLastKnown: z.number(),
  millisSinceLastRead: z.number(),
  reads: z.number(),
  failedReads: z.number(),
  failedWrites: z.number(),
  readErrors: z.array(z.string()),
  fatalError: z.string().nullable(),
});

export const follower = z.object({
  index: z.string(),
  leaderIndex: z.string(),
  leaderUuid: z.string().nullable(),
  remoteCluster: z.string(),
  status: z.enum(["active", "paused"]),
  shards: z.array(shardProgress),
});

export const autoFollowPattern = z.object({
  name: z.string(),
  remoteCluster: z.string(),
  patterns: z.array(z.string()),
  exclusions: z.array(z.string()),
  followerNames: z.string().exactOptional(),
  active: z.boolean(),
});

export const dataStreamState = z.object({
  name: z.string(),
  indices: z.array(z.object({ name: z.string(), uuid: z.string() })).default([]),
  writeIndex: z.string(),
  replicated: z.boolean(),
  hasTemplate: z.boolean().default(true),
  failureIndices: z.array(z.string()).default([]),
});
