import type { IndexState, ShardCheckpoint } from "../../core/state/cluster.ts";
import { checkpointOf, type Divergence } from "../../core/state/divergence.ts";

export interface ShardToExport {
  readonly shard: number;
  /** All operations above it are exported. */
  readonly checkpoint: number;
  /** The highest sequence number that the shard ever assigned. */
  readonly maxSeqNo: number;
}

/** The checkpoint is above the highest sequence number when the old primary itself lost operations it had not flushed. */
export const operationsAbove = ({ maxSeqNo, checkpoint }: ShardToExport): number => Math.max(0, maxSeqNo - checkpoint);

export interface IndexToExport {
  readonly index: string;
  readonly uuid: string;
  readonly shards: readonly ShardToExport[];
}

/** An index that cannot be read in its current state; the reason ends with what to do. */
export interface LeftOut {
  readonly index: string;
  readonly reason: string;
}

export interface ExportPlan {
  readonly indices: readonly IndexToExport[];
  readonly leftOut: readonly LeftOut[];
}

/** What an export depends on: it must be the same before and after. */
export interface OldPrimaryState {
  readonly clusterUuid: string;
  readonly plan: ExportPlan;
}

/** What to read from an old primary. Pure: the same state gives the same plan. */
export function planExport(
  divergence: Divergence,
  indices: readonly IndexState[],
  checkpoints: readonly ShardCheckpoint[],
): ExportPlan {
  const readable: IndexToExport[] = [];
  const leftOut: LeftOut[] = [];
  const reportedOf = Map.groupBy(checkpoints, ({ index }) => index);
  const recordedOf = Map.groupBy(divergence.checkpoints, ({ index }) => index);
  for (const index of indices.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const reported = reportedOf.get(index.name) ?? [];
    const recorded = { checkpoints: recordedOf.get(index.name) ?? [] };
    const blocker = blockerOf(index, reported);
    if (blocker !== null) {
      leftOut.push({ index: index.name, reason: blocker });
      continue;
    }
    const shards = reported
      .map(({ shard, maxSeqNo }) => ({ shard, maxSeqNo, checkpoint: checkpointOf(recorded, index.name, shard) }))
      .sort((a, b) => a.shard - b.shard);
    readable.push({ index: index.name, uuid: index.uuid, shards });
  }
  return { indices: readable, leftOut };
}

function blockerOf(index: IndexState, reported: readonly ShardCheckpoint[]): string | null {
  if (!index.open) return "it is closed, so its documents cannot be read: open it, or discard it by name";
  if (!index.writeBlocked) return "it has no write block, so it may still change: set index.blocks.write first";
  if (index.primariesActive < index.primaries) {
    const missing = index.primaries - index.primariesActive;
    return `${missing} of ${index.primaries} primary shards are missing: bring their nodes back, or discard it by name`;
  }
  for (let shard = 0; shard < index.primaries; shard += 1) {
    if (reported.filter((checkpoint) => checkpoint.shard === shard).length !== 1) {
      return `shard ${shard} does not report its sequence numbers: wait until it has started`;
    }
  }
  return null;
}
