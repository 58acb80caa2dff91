import { z } from "zod";
import type { DeepReadonly } from "../../util/deep-readonly.ts";

/** Fields that the record and its plans share. Field names are persisted. */

export const region = z.string().min(1);
/** Wall clock, milliseconds since 1970. */
export const timeMs = z.number().int().nonnegative();
export const indexNames = z.array(z.string().min(1));

export const shardCheckpoint = z.strictObject({
  index: z.string(),
  shard: z.number().int().min(0),
  globalCheckpoint: z.number().int().min(-1),
  maxSeqNo: z.number().int().min(-1),
});

/** An index that a change leaves out, and why. */
export const leftOut = z.strictObject({
  index: z.string().min(1),
  reason: z.string(),
  /** UUID of the deleted index that it is a copy of, and is therefore not served; absent: it is left out for another reason. */
  deletedLeader: z.string().exactOptional(),
});

/** "logs-2 (its first copy was at 37 %)" */
export const withReason = ({ index, reason }: z.output<typeof leftOut>): string => `${index} (${reason})`;

/** The UUID of an index: a later index of the same name is another one. */
export const indexUuid = z.strictObject({ index: z.string(), uuid: z.string() });

/** The active region's managed indices, kept because the region cannot be asked once it is lost. */
export const leaderSnapshot = z.strictObject({
  atMs: timeMs,
  indices: indexNames,
  uuids: z.array(indexUuid).default([]),
  /** Highest sequence number per shard at that time. */
  shards: z.array(z.strictObject({ index: z.string(), shard: z.number().int().min(0), maxSeqNo: z.number().int() })),
  /** The index that each alias writes to: followers do not know it. */
  writeAliases: z.array(z.strictObject({ alias: z.string(), index: z.string() })),
  /**
   * Every index of the managed aliases that have a write index or a single index, by its position in `indices`: the
   * record has each name once.
   */
  aliases: z.array(z.strictObject({ alias: z.string(), members: z.array(z.number().int().min(0)) })).default([]),
  /** Indices marked as complete, by their position in `indices`: a copy of one needs no following once it has all of it. */
  indexingComplete: z.array(z.strictObject({ index: z.number().int().min(0), createdAtMs: timeMs })).default([]),
  /** Indices that cannot be followed, by their position in `indices`, and why. */
  unfollowable: z.array(z.strictObject({ index: z.number().int().min(0), reason: z.string() })).default([]),
  /** Indices beside these that serve a managed alias, and why they are not followed. */
  unmatched: z.array(leftOut).default([]),
  /** Followers of the standby whose leaders were deleted here. */
  deleted: indexNames.default([]),
  /** Indices that the users have write-blocked: blocks of the watchdog do not count. */
  writeBlocked: indexNames.default([]),
  /** Highest rate over all shards between two snapshots; null until there are two. */
  peakOperationsPerSecond: z.number().min(0).nullable(),
});

const shardLoss = z.strictObject({
  index: z.string(),
  shard: z.number().int().min(0),
  atLeast: z.number().int().min(0),
  /** null: nothing known bounds it. */
  atMost: z.number().int().min(0).nullable(),
});

export const lossEstimate = z.strictObject({
  /** Operations that the old region is known to have and the new one lacks. */
  atLeast: z.number().int().min(0),
  /** Operations that may be missing if writes continued at the highest rate seen; null: nothing known bounds it. */
  atMost: z.number().int().min(0).nullable(),
  shards: z.array(shardLoss),
  /** Time from the last snapshot of the old region until no router could reach it. */
  unseenMs: z.number().int().min(0).nullable(),
  explanation: z.string(),
});

export type LeftOut = DeepReadonly<z.output<typeof leftOut>>;
export type LeaderSnapshot = DeepReadonly<z.output<typeof leaderSnapshot>>;
export type IndexUuid = DeepReadonly<z.output<typeof indexUuid>>;
export type LossEstimate = DeepReadonly<z.output<typeof lossEstimate>>;
