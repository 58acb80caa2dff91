import type { IndexId } from "../state/cluster.ts";
import type { Divergence } from "../state/divergence.ts";
import type { Cluster } from "./cluster.ts";

export type ExportReport = Omit<SalvageReport, "copyBytes">;

export interface SalvageReport {
  /** Where the export is, in words. */
  readonly place: string;
  readonly operations: number;
  /** Number of indices read, also those without an operation above their checkpoints. */
  readonly indices: number;
  /** Indices that could not be read, with the reason and the remedy. */
  readonly leftOut: readonly { readonly index: string; readonly reason: string }[];
  /** What the primaries of the active region take, which the former primary has to copy; null: unknown. */
  readonly copyBytes: number | null;
}

/** Every index of the request, or none, with the reasons. */
export type DeletionAuthorization =
  | { readonly authorized: readonly IndexId[] }
  | { readonly refusals: readonly { readonly index: string; readonly reason: string }[] };

/** Exports the operations that only a former primary has, and authorizes the deletion of what is exported. */
export interface Salvage {
  /**
   * Exports the operations above the divergence's checkpoints, unless a valid export exists. The indices must be
   * write-blocked. `assertStillController` throws to stop between two pages.
   */
  export(divergence: Divergence, formerPrimary: Cluster, assertStillController: () => void): Promise<ExportReport>;
  /** What the primaries of a region's managed indices take, in bytes. */
  sizeOf(cluster: Cluster): Promise<number>;
  /** Whether these indices may be deleted: compares what they have now with the exports on this host. */
  authorizeDelete(
    divergence: Divergence,
    formerPrimary: Cluster,
    indices: readonly string[],
  ): Promise<DeletionAuthorization>;
}
