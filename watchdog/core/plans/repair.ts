import type { IndexState } from "../state/cluster.ts";
import { isUnfinished } from "../state/first-copy.ts";
import type { ActiveSnapshot } from "../state/observations.ts";
import { notStarted, type Plan, type PlanStep } from "../state/plan.ts";
import type { ServingRecord } from "../state/record.ts";
import { isMarked } from "../state/write-blocks.ts";
import { discardCopies, leftOutOf } from "./left-out.ts";
import { liftBlocks } from "./write-blocks.ts";

/** Why indices of the active region refuse writes, as far as the watchdog caused it. */
export interface RepairNeed {
  /** Followers that auto-follow had begun before it was paused, and created after the promotion was verified. */
  readonly strays: readonly string[];
  /** Those of them without a complete first copy: they cannot be detached, and hold nothing. */
  readonly copies: readonly IndexState[];
  /** Marked write blocks that are in force: of a request that took effect after the region had opened. */
  readonly blocked: readonly string[];
}

export function repairNeedOf(record: ServingRecord, active: ActiveSnapshot): RepairNeed {
  const inForce = active.indices.filter(({ open, writeBlocked }) => open && writeBlocked);
  const blocked = inForce.filter((index) => isMarked(record, active.region, index)).map(({ name }) => name);
  const unfinished = active.indices.filter((index) => isUnfinished(index) && active.strays.includes(index.name));
  const isComplete = (stray: string) => !unfinished.some(({ name }) => name === stray);
  // One with a primary that is complete is kept: it may be the only copy.
  const copies = unfinished.filter(({ primariesActive }) => primariesActive === 0);
  return { strays: active.strays.filter(isComplete), copies, blocked };
}

/** Repairs the active region while it serves: the steps of a promotion, for the few indices that need them. */
export function planRepair({ strays, copies, blocked }: RepairNeed, nowMs: number): Plan {
  const indices = strays.toSorted();
  const promotion: readonly PlanStep[] = [
    { kind: "pause-auto-follow", ...notStarted, patterns: [] },
    { kind: "pause-follow", ...notStarted, indices, lifted: [] },
    { kind: "close", ...notStarted, indices },
    { kind: "unfollow", ...notStarted, indices },
    { kind: "open", ...notStarted, indices },
    ...discardCopies(leftOutOf(copies)),
    { kind: "verify", ...notStarted, indices },
  ];
  return {
    kind: "repair",
    createdAtMs: nowMs,
    steps: [...liftBlocks(blocked), ...(strays.length + copies.length === 0 ? [] : promotion)],
  };
}
