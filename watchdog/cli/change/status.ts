import type { CommandAnswer } from "../../controller/control-api/changes.ts";
import { describeStep } from "../../core/plans/describe-step.ts";
import { currentStep } from "../../core/state/plan.ts";
import type { StateRecord } from "../../core/state/record.ts";

/** A request still in the state document this long after it expired was handled by no controller. */
const GRACE_MS = 5_000;

/**
 * - waiting: no controller has decided on the request yet
 * - in-progress: routers close, or the other region is being promoted
 * - done: the requested region accepts writes
 * - not-started: the request was dropped before the change started
 * - undone: the change started, and the previous region accepts writes again
 * - not-handled: the request expired without a decision
 */
export type ChangeStatus = "waiting" | "in-progress" | "done" | "not-started" | "undone" | "not-handled";

/**
 * Status of a requested change, by the state document alone. Pure.
 *
 * @param answer the write that made the request: older documents do not reflect it
 * @param nowMs the watchdog's clock, by which the request expires
 */
export function changeStatus(
  record: StateRecord | null,
  to: string,
  answer: Pick<CommandAnswer, "epoch" | "sequence">,
  nowMs: number,
): ChangeStatus {
  if (record === null || record.epoch < answer.epoch) return "waiting";
  if (record.epoch === answer.epoch && record.sequence < answer.sequence) return "waiting";
  if (record.phase !== "serving") return "in-progress";
  if (record.epoch > answer.epoch) return record.active === to ? "done" : "undone";
  if (record.request === null) return "not-started";
  return nowMs > record.request.validUntilMs + GRACE_MS ? "not-handled" : "waiting";
}

/** refused: the change goes on; too-late: it was done before; not-handled: the request expired without a decision. */
export type AbortStatus = "in-progress" | "done" | "refused" | "too-late" | "not-handled";

/** Status of an abort, by the state document alone, as of `changeStatus`. Pure. */
export function abortStatus(
  record: StateRecord | null,
  from: string,
  answer: Pick<CommandAnswer, "epoch" | "sequence">,
  nowMs: number,
): AbortStatus {
  if (record === null || record.epoch < answer.epoch) return "in-progress";
  if (record.phase === "serving") return record.active === from ? "done" : "too-late";
  if (record.epoch === answer.epoch && record.sequence < answer.sequence) return "in-progress";
  const isTurningBack = record.phase === "promoting" && record.plan.kind === "undo";
  if (isTurningBack) return "in-progress";
  if (record.abort === null) return "refused";
  return nowMs > record.abort.validUntilMs + GRACE_MS ? "not-handled" : "in-progress";
}

/** The current step of a change. By the state document, because the watchdog asked need not be the controller. */
export function progressOf(record: StateRecord | null): string {
  switch (record?.phase) {
    case undefined:
    case "serving":
      return "";
    case "closing":
      return `closing ${record.from}`;
    case "promoting": {
      const step = currentStep(record.plan);
      const activity = record.plan.kind === "undo" ? `going back to ${record.from}` : `promoting ${record.to}`;
      return step === null ? activity : `${activity}: ${describeStep(step)}`;
    }
    default:
      return record satisfies never;
  }
}
