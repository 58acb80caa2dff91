import type { Cluster } from "../../core/ports/cluster.ts";
import type { DocumentCopy, DocumentReader, DocumentReference } from "../../salvage/ports.ts";

export interface SampledDocument extends DocumentReference {
  readonly copy: DocumentCopy;
}

/** Reads of a comparison in addition to the watchdog's `Cluster`. All methods throw `ClusterError` and have a timeout. */
export interface DocumentSampler extends Pick<DocumentReader, "documents"> {
  /** Makes all previous writes visible to `documentsAt` and `count`. */
  refresh(indices: readonly string[]): Promise<void>;
  /** The documents of a shard whose last operation has one of these sequence numbers. */
  documentsAt(index: string, shard: number, seqNos: readonly number[]): Promise<readonly SampledDocument[]>;
  /** Documents per index. */
  count(indices: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

export type ComparedRegion = Pick<Cluster, "region" | "indices" | "checkpoints"> & DocumentSampler;
