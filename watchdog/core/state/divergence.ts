import type { RegionName } from "../../config/address.ts";
import type { StateRecord } from "./record.ts";

/** Where two regions parted: what the record keeps of the last failover, as far as salvage needs it. */
export interface Divergence {
  /** Epoch under which the old region is salvaged; names the directory. */
  readonly epoch: number;
  readonly oldRegion: RegionName;
  readonly newRegion: RegionName;
  /** When the new region had been promoted, milliseconds since 1970. */
  readonly promotedAtMs: number;
  readonly checkpoints: readonly ReplicatedUpTo[];
}

/** The new region had every operation of this shard up to and including `checkpoint`. */
export interface ReplicatedUpTo {
  readonly index: string;
  readonly shard: number;
  readonly checkpoint: number;
}

/** Null when there has been no failover, so that nothing can have diverged. */
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

/** -1, everything is to be salvaged, for a shard that the new region never followed. */
export function checkpointOf(divergence: Divergence, index: string, shard: number): number {
  return divergence.checkpoints.find((known) => known.index === index && known.shard === shard)?.checkpoint ?? -1;
}
