import type { WatchdogConfig } from "../../config/schema.ts";
import type { Observations } from "./observations.ts";
import { isIrreversible, type PlanStep } from "./plan.ts";
import type { ClosingRecord, PlannedRecord, PromotingRecord } from "./record.ts";

/** When a change that keeps routers closed counts as stuck, and what is done about single indices then. */

interface ChangeUnderWay {
  readonly record: Pick<ClosingRecord | PromotingRecord, "startedAtMs">;
  readonly seen: Pick<Observations, "changeKnownForMs">;
  readonly nowMs: number;
}

/**
 * How long the change has kept routers closed: by the record, or for as long as this watchdog has known the change where
 * that is longer. A clock that was set back, or another controller whose clock is behind, must not prolong a bound.
 */
export const closedForMs = ({ record, seen, nowMs }: ChangeUnderWay): number =>
  Math.max(nowMs - record.startedAtMs, seen.changeKnownForMs ?? 0);

/** Whether a change that has kept routers closed for so long has taken longer than its bound. */
export const isOverdue = (forMs: number, { promotion }: Pick<WatchdogConfig, "promotion">): boolean =>
  forMs > promotion.maxStuckMs;

/** Failed attempts of one step until it counts as stuck: fewer may be a coincidence. */
export const ATTEMPTS_UNTIL_STUCK = 3;

/** How an attempt of a step ended that succeeded for some indices and failed for others. */
export interface PartialFailure {
  readonly step: Pick<PlanStep, "attempts">;
  /** How many indices it succeeded for. */
  readonly others: number;
  /** For how long the change had kept routers closed when it ended, and when the next attempt would begin. */
  readonly closedForMs: number;
  readonly retryInMs: number;
}

/** Until then an overdue switchover has turned back, if the old region lets it. */
const TURNS_BACK_WITHIN_MS = 5_000;

/**
 * Whether the indices that failed are left out now. A change that keeps routers closed does so when no further attempt fits
 * into its bound, a switchover only once it can no longer turn back without a new copy, or has not, as its old region is lost.
 * Where nothing succeeds, the cluster is at fault, and leaving everything out would help no one. A repair closes nothing: it
 * gives up sooner, and begins again later.
 */
export function leavesOut(
  record: PlannedRecord,
  { step, others, closedForMs, retryInMs }: PartialFailure,
  config: Pick<WatchdogConfig, "promotion" | "switchover">,
): boolean {
  if (step.attempts < ATTEMPTS_UNTIL_STUCK) return false;
  if (record.phase === "serving") return record.plan.kind === "repair";
  if (others === 0 || !isOverdue(closedForMs + retryInMs, config)) return false;
  if (record.plan.kind !== "switchover") return record.plan.kind === "promotion";
  const turnsBackWithinMs = config.switchover.maxWritePauseMs + TURNS_BACK_WITHIN_MS;
  return isIrreversible(record.plan) || closedForMs > turnsBackWithinMs;
}
