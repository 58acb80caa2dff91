import type { ShardProgress } from "../../core/state/cluster.ts";
import { property } from "./property.ts";

/** The fields of a shard's statistics that are used here. */
export interface ShardStatistics {
  readonly shard_id: number;
  readonly follower_global_checkpoint: number;
  readonly leader_global_checkpoint: number;
  readonly time_since_last_read_millis?: unknown;
  readonly successful_read_requests: number;
  readonly failed_read_requests: number;
  readonly failed_write_requests: number;
  readonly read_exceptions?: readonly unknown[];
  readonly fatal_exception?: unknown;
}

/** One list for the thousands of shards without an error. */
const NONE: readonly string[] = [];

export function progressOf(shard: ShardStatistics): ShardProgress {
  return {
    shard: shard.shard_id,
    followerCheckpoint: shard.follower_global_checkpoint,
    leaderCheckpointLastKnown: shard.leader_global_checkpoint,
    millisSinceLastRead: Number(shard.time_since_last_read_millis ?? -1),
    reads: shard.successful_read_requests,
    failedReads: shard.failed_read_requests,
    failedWrites: shard.failed_write_requests,
    readErrors: shard.read_exceptions?.map((entry) => describe(property(entry, "exception") ?? entry)) ?? NONE,
    fatalError: shard.fatal_exception === undefined ? null : describe(shard.fatal_exception),
  };
}

function describe(exception: unknown): string {
  const type = property(exception, "type");
  const reason = property(exception, "reason");
  if (typeof reason === "string") return reason;
  return typeof type === "string" ? type : JSON.stringify(exception);
}
