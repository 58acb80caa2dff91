import type { IndexToExport } from "./export/export-plan.ts";
import type { Receipt } from "./receipt.ts";

/** The old primary as it is now, for comparison with a receipt. */
export interface CurrentIndex {
  readonly region: string;
  readonly clusterUuid: string;
  readonly index: IndexToExport;
}

/** Why a receipt does not account for all that an index has now; null when it does. */
export function gapOf(receipt: Receipt, { region, clusterUuid, index }: CurrentIndex): string | null {
  if (receipt.region !== region || receipt.clusterUuid !== clusterUuid) return "the receipt is for another cluster";
  if (receipt.index !== index.index || receipt.uuid !== index.uuid) return "the receipt is for another index";
  for (const { shard, maxSeqNo, checkpoint } of index.shards) {
    const proven = receipt.shards.filter((account) => account.shard === shard);
    const then = proven[0];
    if (then === undefined || proven.length !== 1) return `the receipt does not account for shard ${shard}`;
    if (maxSeqNo !== then.maxSeqNo) {
      return `shard ${shard} is at sequence number ${maxSeqNo}, the receipt ends at ${then.maxSeqNo}`;
    }
    if (then.checkpoint > checkpoint) {
      return `shard ${shard} was exported from ${then.checkpoint}, but the new primary has it only up to ${checkpoint}`;
    }
  }
  return null;
}
