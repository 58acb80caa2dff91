import type { ActiveSnapshot } from "../state/observations.ts";
import type { Plan, PlanStep } from "../state/plan.ts";
import { notStarted } from "../state/plan.ts";
import type { ServingRecord } from "../state/record.ts";
import { liftBlocks } from "./promotion.ts";

/**
 * What keeps indices of the active region from accepting writes, and is ours to mend: followers that auto-follow had
 * decided on before it was paused and created after the promotion had ended; write blocks of ours that a switchover
 * left when it was called off.
 */
export interface RepairNeed {
  readonly strays: readonly string[];
  readonly blocked: readonly string[];
}

export function repairNeedOf(record: ServingRecord, active: ActiveSnapshot): RepairNeed {
  const ours = record.writeBlocks?.region === active.region ? record.writeBlocks.indices : [];
  const blocked = active.indices.filter(({ name, open, writeBlocked }) => open && writeBlocked && ours.includes(name));
  return { strays: active.strays, blocked: blocked.map(({ name }) => name) };
}

/** Mends the active region while it serves: the same steps as a promotion's, for the few indices that need them. */
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
