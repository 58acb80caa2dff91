import type { RegionName } from "../config/address.ts";
import type { Cluster } from "../core/ports/cluster.ts";
import type { IndexDefinition } from "./definition.ts";
import type { SalvagedOperation } from "./operation.ts";

/**
 * Reading and writing documents of Elasticsearch, in addition to the watchdog's `Cluster`. All methods throw
 * `ClusterError`, and each call has a timeout.
 */

/** A range of one shard's operations, in the order of their sequence numbers. */
export interface OperationRange {
  readonly index: string;
  readonly shard: number;
  /** Exclusive lower bound of the sequence numbers; -1: from the start. */
  readonly afterSeqNo: number;
  readonly limit: number;
}

export interface OperationPage {
  readonly operations: readonly SalvagedOperation[];
  /** Size of the answer, for bounding memory. */
  readonly bytes: number;
}

/** What the primaries of an index take. */
export interface IndexSize {
  readonly bytes: number;
  readonly documents: number;
}

export interface OperationReader {
  /** Makes all previous writes visible to reads. */
  refresh(indices: readonly string[]): Promise<void>;
  readOperations(range: OperationRange): Promise<OperationPage>;
  sizes(indices: readonly string[]): Promise<ReadonlyMap<string, IndexSize>>;
  /** Settings, mappings and aliases of the indices, by name. */
  definitionsOf(indices: readonly string[]): Promise<ReadonlyMap<string, IndexDefinition>>;
}

export interface DocumentReference {
  readonly index: string;
  readonly id: string;
  readonly routing: string | null;
}

/** A document in its current state. */
export interface DocumentCopy {
  readonly seqNo: number;
  readonly primaryTerm: number;
  readonly version: bigint;
  /** See `contentHash`. */
  readonly contentHash: string | null;
}

export interface IndexIdentity {
  readonly uuid: string;
  readonly createdAtMs: number;
}

export interface DocumentReader {
  /** In the order of the references; null for a missing document or index. */
  documents(references: readonly DocumentReference[]): Promise<readonly (DocumentCopy | null)[]>;
  /** The open indices among those named. */
  identify(indices: readonly string[]): Promise<ReadonlyMap<string, IndexIdentity>>;
}

/**
 * The write takes effect only if the document is absent, is still exactly the copy read before, or has a lower version
 * than the one written (external versioning), which the written one keeps; `orEqual`: or the same.
 */
export type WriteCondition =
  | { readonly kind: "absent" }
  /** The same, through a data stream: an index of its name is not created in its place. */
  | { readonly kind: "appended" }
  | { readonly kind: "unchanged"; readonly seqNo: number; readonly primaryTerm: number }
  | { readonly kind: "version"; readonly version: bigint; readonly orEqual: boolean };

export interface ConditionalWrite extends DocumentReference {
  readonly source: unknown;
  readonly condition: WriteCondition;
}

/** conflict: the condition did not hold, so nothing was written. */
export type WriteResult =
  | { readonly kind: "written" }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed"; readonly reason: string };

export interface DocumentWriter {
  /**
   * Executes each write independently; results are in the order of the writes. Does not run default ingest pipelines,
   * because the document has already been through them.
   */
  write(writes: readonly ConditionalWrite[]): Promise<readonly WriteResult[]>;
}

export interface IndexCreator {
  /** @throws ClusterError when the cluster refuses it, for example because an alias has that name */
  createIndex(index: string, definition: IndexDefinition): Promise<void>;
}

/** The region whose operations are salvaged. */
export type OldPrimary = Pick<Cluster, "region" | "probe" | "indices" | "checkpoints"> & OperationReader;

/** The region that is active at the time of a replay. */
export interface ActivePrimary extends DocumentReader, DocumentWriter, IndexCreator {
  readonly region: RegionName;
  probe: Cluster["probe"];
}
