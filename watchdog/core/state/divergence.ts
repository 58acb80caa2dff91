import type { RegionName } from "../../config/address.ts";
import type { StateRecord } from "./record.ts";

/** Where two regions diverged: the part of the last failover in the record that salvage needs. */
export interface Divergence {
  /** Epoch under which the old region is salvaged; it names the directory. */
  readonly epoch: number;
  readonly oldRegion: RegionName;
  readonly newRegion: RegionName;
  /** When the new region was promoted, in milliseconds since 1970. */
  readonly promotedAtMs: number;
  readonly checkpoints: readonly ReplicatedUpTo[];
}

/** The new region has every operation of this shard up to and including `checkpoint`. */
export interface ReplicatedUpTo {
  readonly index: string;
  readonly shard: number;
  readonly checkpoint: number;
}

/** null when there was no failover: nothing can have diverged. */
export function divergenceOf(record: Pick<StateRecord, "epoch" | "lastFailover">): Divergence | null {
  const failover = record.lastFailover;
  if (failover === null) return null;
  return {
    epoch: record.epoch,
    oldRegion: failover.from,
    newRegion: failover.to,
    promotedAtMs: failover.finishedAtMs,
    checkpoints: failover.checkpoints.map(({ index, shard, globalCheckpoint }) => ({
      index,
      shard,
      checkpoint: globalCheckpoint,
    })),
  };
}

/** -1 for a shard that the new region never followed: all of it is salvaged. */
export function checkpointOf(divergence: Pick<Divergence, "checkpoints">, index: string, shard: number): number {
  return divergence.checkpoints.find((known) => known.index === index && known.shard === shard)?.checkpoint ?? -1;
}
