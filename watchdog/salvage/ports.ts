import type { RegionName } from "../config/address.ts";
import type { Cluster } from "../core/ports/cluster.ts";
import type { SalvagedOperation } from "./operation.ts";

/**
 * What salvage asks of Elasticsearch beyond the watchdog's `Cluster`: reading and writing documents. All methods throw
 * `ClusterError`, and every call is bounded by a timeout.
 */

/** A stretch of one shard's operations, in order of their sequence numbers. */
export interface OperationRange {
  readonly index: string;
  readonly shard: number;
  /** The first operation returned has a higher sequence number. -1 begins at the beginning. */
  readonly afterSeqNo: number;
  readonly limit: number;
}

export interface OperationPage {
  readonly operations: readonly SalvagedOperation[];
  /** Size of the answer, so that the caller can bound what it holds in memory. */
  readonly bytes: number;
}

export interface OperationReader {
  /** Makes everything written so far visible to reads. */
  refresh(indices: readonly string[]): Promise<void>;
  readOperations(range: OperationRange): Promise<OperationPage>;
}

export interface DocumentReference {
  readonly index: string;
  readonly id: string;
  readonly routing: string | null;
}

/** A document as it is now. */
export interface DocumentCopy {
  readonly seqNo: number;
  readonly primaryTerm: number;
  readonly version: number;
  /** See `contentHash`. */
  readonly contentHash: string | null;
}

export interface IndexIdentity {
  readonly uuid: string;
  readonly createdAtMs: number;
}

export interface DocumentReader {
  /** In the order of the references; null where there is no such document or no such index. */
  documents(references: readonly DocumentReference[]): Promise<readonly (DocumentCopy | null)[]>;
  /** Open indices among those named; the ones that do not exist are left out. */
  identify(indices: readonly string[]): Promise<ReadonlyMap<string, IndexIdentity>>;
}

/** What must hold for a write to take effect: the document is absent, or is still the very copy that was seen. */
export type WriteCondition =
  | { readonly kind: "absent" }
  | { readonly kind: "unchanged"; readonly seqNo: number; readonly primaryTerm: number };

export interface ConditionalWrite extends DocumentReference {
  readonly source: unknown;
  readonly condition: WriteCondition;
}

/** conflict: the condition did not hold, nothing was written. */
export type WriteResult =
  | { readonly kind: "written" }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed"; readonly reason: string };

export interface DocumentWriter {
  /**
   * Carries out each write by itself; results in the order of the writes. Default ingest pipelines are not run: the
   * document has been through them once.
   */
  write(writes: readonly ConditionalWrite[]): Promise<readonly WriteResult[]>;
}

/** The region whose operations are salvaged. */
export type OldPrimary = Pick<Cluster, "region" | "probe" | "indices" | "checkpoints"> & OperationReader;

/** The region that took over, or whichever is active when a replay is asked for. */
export interface ActivePrimary extends DocumentReader, DocumentWriter {
  readonly region: RegionName;
  probe: Cluster["probe"];
}
