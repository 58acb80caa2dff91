import type { ActiveView } from "../state/observations.ts";
import type { Plan, PlanStep, ServingRecord } from "../state/record.ts";
import { liftingBlocks, notStarted } from "./promotion.ts";

/**
 * What keeps indices of the active region from accepting writes, and is ours to mend: followers that auto-follow had
 * decided on before it was paused and created after the promotion had ended; write blocks of ours that a switchover
 * left when it was called off.
 */
export interface Damage {
  readonly strays: readonly string[];
  readonly blocked: readonly string[];
}

export function damageTo(record: ServingRecord, active: ActiveView): Damage {
  const ours = record.writeBlocks?.region === active.region ? record.writeBlocks.indices : [];
  const blocked = active.indices.filter(({ name, open, writeBlocked }) => open && writeBlocked && ours.includes(name));
  return { strays: active.strays, blocked: blocked.map(({ name }) => name) };
}

/** Mends the active region while it serves: the same steps as a promotion's, for the few indices that need them. */
export function planRepair({ strays, blocked }: Damage, nowMs: number): Plan {
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
    steps: [...liftingBlocks(blocked), ...(strays.length === 0 ? [] : promotion)],
  };
}
