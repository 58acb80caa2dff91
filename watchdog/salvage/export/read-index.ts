import type { SalvagedOperation } from "../operation.ts";
import type { OldPrimary } from "../ports.ts";
import type { IndexToExport, ShardToExport } from "./export-plan.ts";
import { nextPageSize, type PageBounds } from "./paging.ts";

export interface ReadOptions {
  readonly oldPrimary: OldPrimary;
  readonly pageBounds: PageBounds;
  readonly signal: AbortSignal | undefined;
}

/** The readable operations of an index above its checkpoints: by shard, in the order of their sequence numbers. */
export async function* indexOperations(options: ReadOptions, index: IndexToExport): AsyncGenerator<SalvagedOperation> {
  for (const shard of index.shards) yield* shardOperations(options, index, shard);
}

async function* shardOperations(
  { oldPrimary, pageBounds, signal }: ReadOptions,
  { index }: IndexToExport,
  { shard, checkpoint, maxSeqNo }: ShardToExport,
): AsyncGenerator<SalvagedOperation> {
  let afterSeqNo = checkpoint;
  let limit = pageBounds.firstDocuments;
  while (afterSeqNo < maxSeqNo) {
    signal?.throwIfAborted();
    const { operations, bytes } = await oldPrimary.readOperations({ index, shard, afterSeqNo, limit });
    for (const operation of operations) {
      if (operation.seqNo <= afterSeqNo || operation.seqNo > maxSeqNo) {
        throw new Error(
          `${oldPrimary.region}: shard ${shard} of ${index} returned operation ${operation.seqNo}, expected one ` +
            `above ${afterSeqNo} and up to ${maxSeqNo}: the index changed while it was read`,
        );
      }
      afterSeqNo = operation.seqNo;
      yield operation;
    }
    if (operations.length < limit) return;
    limit = nextPageSize({ documents: operations.length, bytes }, pageBounds);
  }
}
