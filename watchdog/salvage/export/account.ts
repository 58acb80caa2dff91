import type { Divergence } from "../../core/state/divergence.ts";
import type { SalvagedOperation } from "../operation.ts";
import type { ExportedShard, Receipt } from "../receipt.ts";
import { type IndexToExport, operationsAbove, type ShardToExport } from "./export-plan.ts";

interface ShardTally {
  readonly exported: number;
  readonly withoutSource: number;
}

/** Counts the exported operations of each shard of one index. */
export class Tally {
  #count = 0;
  readonly #shards = new Map<number, ShardTally>();

  get count(): number {
    return this.#count;
  }

  add({ shard, source }: SalvagedOperation): void {
    const { exported, withoutSource } = this.of(shard);
    this.#shards.set(shard, {
      exported: exported + 1,
      withoutSource: withoutSource + (source === null ? 1 : 0),
    });
    this.#count += 1;
  }

  of(shard: number): ShardTally {
    return this.#shards.get(shard) ?? { exported: 0, withoutSource: 0 };
  }
}

/** What is known of the export of an index once its files are written. */
export interface WrittenExport extends Pick<Receipt, "definition" | "operations" | "startedAt"> {
  readonly index: IndexToExport;
  readonly clusterUuid: string;
  readonly tally: Tally;
}

/** The receipt of one index. */
export function receiptFor(divergence: Divergence, written: WrittenExport, finishedAt: string): Receipt {
  const { index, clusterUuid, tally, startedAt, operations, definition } = written;
  const shards = index.shards.map((shard) => shardAccount(shard, tally.of(shard.shard)));
  return {
    schemaVersion: 2,
    epoch: divergence.epoch,
    region: divergence.oldRegion,
    newRegion: divergence.newRegion,
    clusterUuid,
    promotedAt: new Date(divergence.promotedAtMs).toISOString(),
    startedAt,
    finishedAt,
    index: index.index,
    uuid: index.uuid,
    shards,
    operations,
    definition,
    limits: limitsOf(shards),
  };
}

function shardAccount(shard: ShardToExport, tally: ShardTally): ExportedShard {
  return { ...shard, ...tally, invisible: operationsAbove(shard) - tally.exported };
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
