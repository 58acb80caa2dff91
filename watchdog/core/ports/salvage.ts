import type { Divergence } from "../state/divergence.ts";
import type { Cluster } from "./cluster.ts";

export interface SalvageReport {
  /** Where it lies, for people. */
  readonly place: string;
  readonly operations: number;
  /** Indices that were read, whether or not anything was above their checkpoints. */
  readonly indices: number;
  /** Indices that could not be read, with the reason and what to do. */
  readonly leftOut: readonly { readonly index: string; readonly reason: string }[];
}

/** Every index of the request, or none: see `refusals` for why not. */
export type DeletionAuthorization =
  | { readonly authorized: readonly string[] }
  | { readonly refusals: readonly { readonly index: string; readonly reason: string }[] };

/** Brings what a former primary holds alone to safety, and says what may be deleted of it then. */
export interface Salvage {
  /**
   * Exports what lies above the divergence's checkpoints, or finds that this was done before. The indices must be
   * write-blocked. `assertStillController` throws to break it off between two pages.
   */
  export(divergence: Divergence, formerPrimary: Cluster, assertStillController: () => void): Promise<SalvageReport>;
  /** Whether these indices may be deleted, from what they hold now and what lies in safety on this host. */
  authorizeDelete(
    divergence: Divergence,
    formerPrimary: Cluster,
    indices: readonly string[],
  ): Promise<DeletionAuthorization>;
}
