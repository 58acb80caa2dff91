import { dataStreamOfBackingIndex } from "../../core/state/patterns.ts";
import type { SalvagedOperation } from "../operation.ts";
import type { ConditionalWrite } from "../ports.ts";
import type { SalvageClass } from "./classify.ts";

/** Classes that can be replayed at all: what is `same` needs nothing, what is `older` would undo a later change. */
export type ReplayableClass = Extract<SalvageClass, "missing" | "newer" | "conflicting">;

/** What an operator wants replayed. */
export interface ReplayChoice {
  /** Default of the commands: missing alone. `conflicting` overwrites what the active region made of a document. */
  readonly classes: readonly ReplayableClass[];
  /** Whether missing documents are created that the active region may have deleted. Default of the commands: no. */
  readonly includeMayBeDeleted: boolean;
}

export const defaultChoice: ReplayChoice = { classes: ["missing"], includeMayBeDeleted: false };

/** A classified operation, as stored: the copy that was seen is what a replay may replace, and nothing else. */
export interface ClassifiedOperation {
  readonly class: SalvageClass;
  readonly mayBeDeleted: boolean;
  /** The active region's copy; null when it had none. */
  readonly seen: { readonly seqNo: number; readonly primaryTerm: number } | null;
}

/**
 * - settled: replayed, or found identical, by an earlier run
 * - index-absent: the active region has no such index, and its mappings are not to be guessed from documents
 */
export const skipReasonNames = [
  "settled",
  "same",
  "older",
  "not-chosen",
  "may-be-deleted",
  "no-source",
  "index-absent",
] as const;
export type SkipReason = (typeof skipReasonNames)[number];

export type ReplayDecision =
  | { readonly kind: "write"; readonly write: ConditionalWrite }
  | { readonly kind: "skip"; readonly reason: SkipReason };

export interface ReplayContext {
  readonly choice: ReplayChoice;
  readonly isSettled: boolean;
  readonly indexExists: boolean;
}

/** What to do with one operation. Never a write without a condition that holds only if nothing newer is there. */
export function decideReplay(
  operation: SalvagedOperation,
  classified: ClassifiedOperation,
  { choice, isSettled, indexExists }: ReplayContext,
): ReplayDecision {
  const skip = (reason: SkipReason): ReplayDecision => ({ kind: "skip", reason });
  if (isSettled) return skip("settled");
  if (classified.class === "same" || classified.class === "older") return skip(classified.class);
  if (!choice.classes.includes(classified.class)) return skip("not-chosen");
  if (classified.mayBeDeleted && !choice.includeMayBeDeleted) return skip("may-be-deleted");
  if (operation.source === null) return skip("no-source");
  if (!indexExists) return skip("index-absent");
  const { id, routing, source, index } = operation;
  if (classified.seen !== null) {
    const condition = { kind: "unchanged" as const, ...classified.seen };
    return { kind: "write", write: { index, id, routing, source, condition } };
  }
  // A backing index takes no new documents by its own name; the stream routes them to the one that is written to.
  const target = dataStreamOfBackingIndex(index) ?? index;
  return { kind: "write", write: { index: target, id, routing, source, condition: { kind: "absent" } } };
}
