import type { DoomedIndex } from "../../core/state/cluster.ts";
import { deleteConfirmed } from "../delete-indices.ts";
import { inBatches, type StepContext } from "./step.ts";

/**
 * Deletes these indices of the plan's region; returns the failures as sentences. One batch after the other: a pause that no
 * clock shows costs what is under way then.
 */
export function deleteInBatches(context: StepContext, indices: readonly DoomedIndex[]): Promise<readonly string[]> {
  const { cluster, confirmController } = context;
  const ids = new Map(indices.map((index) => [index.name, index]));
  const remove = (batch: readonly string[]) =>
    deleteConfirmed(
      cluster,
      batch.flatMap((name) => ids.get(name) ?? []),
      confirmController,
    );
  return inBatches(context, [...ids.keys()], remove, 1);
}
