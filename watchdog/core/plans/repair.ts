import type { ActiveSnapshot } from "../state/observations.ts";
import { notStarted, type Plan, type PlanStep } from "../state/plan.ts";
import type { ServingRecord } from "../state/record.ts";
import { isMarked } from "../state/write-blocks.ts";
import { liftBlocks } from "./write-blocks.ts";

/** Why indices of the active region refuse writes, as far as the watchdog caused it. */
export interface RepairNeed {
  /** Followers that auto-follow had begun before it was paused, and created after the promotion was verified. */
  readonly strays: readonly string[];
  /** Marked write blocks that are in force: of a request that took effect after the region had opened. */
  readonly blocked: readonly string[];
}

export function repairNeedOf(record: ServingRecord, active: ActiveSnapshot): RepairNeed {
  const inForce = active.indices.filter(({ open, writeBlocked }) => open && writeBlocked);
  const blocked = inForce.filter((index) => isMarked(record, active.region, index)).map(({ name }) => name);
  return { strays: active.strays, blocked };
}

/** Repairs the active region while it serves: the steps of a promotion, for the few indices that need them. */
export function planRepair({ strays, blocked }: RepairNeed, nowMs: number): Plan {
  const indices = strays.toSorted();
  const promotion: readonly PlanStep[] = [
    { kind: "pause-auto-follow", ...notStarted, patterns: [] },
    { kind: "pause-follow", ...notStarted, indices },
    { kind: "close", ...notStarted, indices },
    { kind: "unfollow", ...notStarted, indices },
    { kind: "open", ...notStarted, indices },
    { kind: "verify", ...notStarted, indices },
  ];
  return {
    kind: "repair",
    createdAtMs: nowMs,
    steps: [...liftBlocks(blocked), ...(strays.length === 0 ? [] : promotion)],
  };
}
