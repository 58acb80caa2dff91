import type { Divergence } from "../../core/state/divergence.ts";
import type { Compression, WrittenFile } from "../lines.ts";
import type { SalvagedOperation } from "../operation.ts";
import type { ExportedShard, Receipt } from "../receipt.ts";
import type { OldPrimaryState, ShardToExport } from "./export-plan.ts";

interface ShardTally {
  readonly exported: number;
  readonly withoutSource: number;
}

/** Counts the exported operations of each shard. */
export class Tally {
  #count = 0;
  readonly #shards = new Map<string, ShardTally>();

  get count(): number {
    return this.#count;
  }

  add({ index, shard, source }: SalvagedOperation): void {
    const { exported, withoutSource } = this.of(index, shard);
    const tally = { exported: exported + 1, withoutSource: withoutSource + (source === null ? 1 : 0) };
    this.#shards.set(`${shard}:${index}`, tally);
    this.#count += 1;
  }

  of(index: string, shard: number): ShardTally {
    return this.#shards.get(`${shard}:${index}`) ?? { exported: 0, withoutSource: 0 };
  }
}

export type Account = Omit<Receipt, "startedAt" | "finishedAt">;

/** The contents of the receipt, apart from its times. */
export function accountFor(
  divergence: Divergence,
  { clusterUuid, plan }: OldPrimaryState,
  tally: Tally,
  file: WrittenFile & { readonly file: string; readonly compression: Compression },
): Account {
  const indices = plan.indices.map(({ index, uuid, shards }) => ({
    index,
    uuid,
    shards: shards.map((shard) => shardAccount(shard, tally.of(index, shard.shard))),
  }));
  return {
    schemaVersion: 1,
    epoch: divergence.epoch,
    region: divergence.oldRegion,
    newRegion: divergence.newRegion,
    clusterUuid,
    promotedAt: new Date(divergence.promotedAtMs).toISOString(),
    operations: { ...file, count: tally.count },
    indices,
    leftOut: [...plan.leftOut],
    limits: limitsOf(indices.flatMap(({ shards }) => shards)),
  };
}

function shardAccount(shard: ShardToExport, tally: ShardTally): ExportedShard {
  // The checkpoint is above the highest sequence number when the old primary itself lost operations it had not flushed.
  const above = Math.max(0, shard.maxSeqNo - shard.checkpoint);
  return { ...shard, ...tally, invisible: above - tally.exported };
}

function limitsOf(shards: readonly ExportedShard[]): string[] {
  const invisible = shards.reduce((sum, shard) => sum + shard.invisible, 0);
  const withoutSource = shards.reduce((sum, shard) => sum + shard.withoutSource, 0);
  const limits: string[] = [];
  if (invisible > 0) {
    limits.push(
      `${invisible} operations above the checkpoints cannot be read and are not in the file: deletes, versions that a ` +
        "later operation on the same document replaced (the last one is in the file), and failed writes",
    );
  }
  if (withoutSource > 0) {
    limits.push(`${withoutSource} documents belong to an index without _source: the file has only their ids`);
  }
  return limits;
}
