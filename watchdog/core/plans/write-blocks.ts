import type { IndexState } from "../state/cluster.ts";
import { notStarted, type Plan, type PlanStep, stepOf } from "../state/plan.ts";

/** The step before a region opens that lifts the write blocks marked for it; no step where none is marked. */
export function liftBlocks(marked: readonly string[]): readonly PlanStep[] {
  return marked.length === 0 ? [] : [{ kind: "lift-write-block", ...notStarted, indices: marked }];
}

/** The indices of a snapshot that a plan is to write-block: they are marked in the write that begins the plan. */
export function indicesToBlock(plan: Plan, snapshot: readonly IndexState[]): readonly IndexState[] {
  const step = stepOf(plan, "block-writes") ?? stepOf(plan, "fence");
  return snapshot.filter(({ name }) => step?.indices.includes(name));
}
