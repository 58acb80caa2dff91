import type { Cluster } from "../../core/ports/cluster.ts";
import type { DocumentCopy, DocumentReader, DocumentReference } from "../../salvage/ports.ts";

export interface SampledDocument extends DocumentReference {
  readonly copy: DocumentCopy;
}

/** What a comparison reads beyond the watchdog's `Cluster`. All methods throw `ClusterError` and are bounded. */
export interface DocumentSampler extends Pick<DocumentReader, "documents"> {
  /** Makes everything written so far visible to `documentsAt` and `count`. */
  refresh(indices: readonly string[]): Promise<void>;
  /** Documents of one shard whose last operation has one of these sequence numbers; others are left out. */
  documentsAt(index: string, shard: number, seqNos: readonly number[]): Promise<readonly SampledDocument[]>;
  /** Documents per index. */
  count(indices: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

export type ComparedRegion = Pick<Cluster, "region" | "indices" | "checkpoints"> & DocumentSampler;
