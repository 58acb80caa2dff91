import path from "node:path";
import type { RegionName } from "../config/address.ts";
import type { Cluster } from "../core/ports/cluster.ts";
import type { Salvage } from "../core/ports/salvage.ts";
import { isOwn, unfollowable } from "../core/state/followable.ts";
import { exportOperations } from "./export/export.ts";
import type { Room } from "./export/room.ts";
import { authorizeDeletion } from "./gate.ts";
import type { OldPrimary, OperationReader } from "./ports.ts";
import type { SecondCopy } from "./second-copy.ts";
import { ReceiptVerifier } from "./verifier.ts";

export interface SalvageOptions {
  /** Directory of all exports, see `salvageRoot`. */
  readonly root: string;
  /** Reads the documents of each region. */
  readonly readers: Readonly<Record<RegionName, OperationReader>>;
  readonly room: Room;
  /** null: the exports are on this host alone. */
  readonly second: SecondCopy | null;
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Aborts an export at its next page. */
  readonly signal: AbortSignal;
}

/** Directory of all exports and their receipts, in a watchdog's state directory. */
export const salvageRoot = (stateDirectory: string) => path.join(stateDirectory, "salvage");

/** Salvage into files of this host, and the gate that verifies them before it authorizes a deletion. */
export function createSalvage({ root, readers, room, second, nowMs, signal }: SalvageOptions): Salvage {
  const verifier = new ReceiptVerifier();
  const readerOf = (region: RegionName): OperationReader => {
    const reader = readers[region];
    if (reader === undefined) throw new Error(`cannot read the documents of ${region}: no such region is configured`);
    return reader;
  };
  const oldPrimaryOf = ({ region, probe, indices, checkpoints }: Cluster): OldPrimary => {
    const reader = readerOf(region);
    const { refresh, readOperations, sizes, definitionsOf } = reader;
    // What holds no operations of its own is neither exported nor deleted.
    const own = async () => (await indices()).filter(isOwn);
    return { region, probe, indices: own, checkpoints, refresh, readOperations, sizes, definitionsOf };
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
      const options = { root, divergence, oldPrimary: guarded, room, verifier, nowMs, signal };
      const { directory, receipts, leftOut } = await exportOperations(options);
      await second?.copy(root, assertStillController);
      const operations = receipts.reduce((sum, receipt) => sum + receipt.operations.count, 0);
      return { place: directory, operations, indices: receipts.length, leftOut };
    },
    sizeOf: async ({ region, indices }) => {
      const reader = readerOf(region);
      const open = (await indices()).filter((index) => unfollowable(index) === null).map(({ name }) => name);
      const sizes = open.length === 0 ? [] : [...(await reader.sizes(open)).values()];
      return sizes.reduce((sum, { bytes }) => sum + bytes, 0);
    },
    authorizeDelete: (divergence, formerPrimary, indices) =>
      authorizeDeletion({ root, second, verifier, divergence, oldPrimary: oldPrimaryOf(formerPrimary), indices }),
  };
}
