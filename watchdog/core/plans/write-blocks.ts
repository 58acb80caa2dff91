import type { IndexState } from "../state/cluster.ts";
import { notStarted, type Plan, type PlanStep, stepOf } from "../state/plan.ts";
import type { LeaderSnapshot } from "../state/record-fields.ts";

/** The step before a region opens that lifts the write blocks marked for it; no step where none is marked. */
export function liftBlocks(marked: readonly string[]): readonly PlanStep[] {
  return marked.length === 0 ? [] : [{ kind: "lift-write-block", ...notStarted, indices: marked }];
}

/**
 * The step that blocks writes to promoted indices as the users had done in the old region; no step where they had not. A
 * follower is never left with the block that came along: of `read_only` it could be neither paused nor closed, and the user who
 * lifted it in the old region has not lifted it here.
 */
export function keepBlocks(promoted: readonly string[], leader: LeaderSnapshot | null): readonly PlanStep[] {
  const indices = promoted.filter((name) => leader?.writeBlocked.includes(name));
  return indices.length === 0 ? [] : [{ kind: "keep-blocks", ...notStarted, indices }];
}

/** The indices of a snapshot that a plan is to write-block: they are marked in the write that begins the plan. */
export function indicesToBlock(plan: Plan, snapshot: readonly IndexState[]): readonly IndexState[] {
  const step = stepOf(plan, "block-writes") ?? stepOf(plan, "fence");
  return snapshot.filter(({ name }) => step?.indices.includes(name));
}
