import path from "node:path";
import type { RegionName } from "../config/address.ts";
import type { Cluster } from "../core/ports/cluster.ts";
import type { Salvage } from "../core/ports/salvage.ts";
import { exportOperations } from "./export/export.ts";
import { isSalvaged } from "./gate.ts";
import type { OldPrimary, OperationReader } from "./ports.ts";

export interface SalvageOptions {
  /** Where exports live: see `salvageRoot`. */
  readonly root: string;
  /** Reads the documents of each region. */
  readonly readers: Readonly<Record<RegionName, OperationReader>>;
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Ends an export at its next page. */
  readonly signal: AbortSignal;
}

/** Exports and their receipts, below the directory that a watchdog keeps its state in. */
export const salvageRoot = (stateDirectory: string) => path.join(stateDirectory, "salvage");

/** Salvage into files of this host, behind the gate that reads them again before it permits anything. */
export function createSalvage({ root, readers, nowMs, signal }: SalvageOptions): Salvage {
  const oldPrimaryOf = ({ region, probe, indices, checkpoints }: Cluster): OldPrimary => {
    const reader = readers[region];
    if (reader === undefined)
      throw new Error(`the documents of ${region} cannot be read: no such region is configured`);
    const { refresh, readOperations } = reader;
    // Followers hold nothing of their own: they are neither exported nor deleted.
    const own = async () => (await indices()).filter(({ following }) => !following);
    return { region, probe, indices: own, checkpoints, refresh, readOperations };
  };
  return {
    export: async (divergence, formerPrimary, assertStillController) => {
      const oldPrimary = oldPrimaryOf(formerPrimary);
      const guarded: OldPrimary = {
        ...oldPrimary,
        readOperations: (range) => {
          assertStillController();
          return oldPrimary.readOperations(range);
        },
      };
      const { directory, receipt } = await exportOperations({ root, divergence, oldPrimary: guarded, nowMs, signal });
      const { operations, indices, leftOut } = receipt;
      return { place: directory, operations: operations.count, indices: indices.length, leftOut };
    },
    authorizeDelete: async (divergence, formerPrimary, indices) => {
      const verdict = await isSalvaged(root, divergence, oldPrimaryOf(formerPrimary), indices);
      return verdict.salvaged ? { authorized: verdict.permit.indices } : { refusals: verdict.refusals };
    },
  };
}
