import type { SalvagedOperation } from "../operation.ts";
import type { ConditionalWrite } from "../ports.ts";
import type { SalvageClass } from "./classify.ts";
import { targetOf } from "./target.ts";

/** Classes that can be replayed: `same` needs no replay, and `older` would undo a later change. */
export type ReplayableClass = Extract<SalvageClass, "missing" | "newer" | "conflicting">;

/** What an operator chose to replay. */
export interface ReplayChoice {
  /** Default of the commands: missing only. `conflicting` overwrites changes of the active region. */
  readonly classes: readonly ReplayableClass[];
  /** Whether to create missing documents that the active region may have deleted. Default of the commands: false. */
  readonly includeMayBeDeleted: boolean;
}

export const defaultChoice: ReplayChoice = { classes: ["missing"], includeMayBeDeleted: false };

/** A classified operation as stored: a replay may replace only the copy in `seen`. */
export interface ClassifiedOperation {
  readonly class: SalvageClass;
  readonly mayBeDeleted: boolean;
  /** The active region's copy; null: it had none. */
  readonly seen: { readonly seqNo: number; readonly primaryTerm: number } | null;
}

/**
 * - settled: replayed, or found identical, by an earlier run
 * - index-absent: the active region has no such index, and it is not to be created, see `mayCreate`
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
  /** It exists, or will before the first write. */
  readonly indexExists: boolean;
  /**
   * Whether the application sets the versions of this index (external versioning). The document then keeps the salvaged
   * version, so that an older message cannot overwrite it later, and a higher version in the active region is never
   * overwritten. Otherwise versions count the changes within one region, and a higher one need not be newer: the condition
   * is on the copy that was compared, and the active region counts on.
   */
  readonly externalVersions: boolean;
}

/** Decides on one operation. Every write has a condition that fails if the active region has anything newer. */
export function decideReplay(
  operation: SalvagedOperation,
  classified: ClassifiedOperation,
  { choice, isSettled, indexExists, externalVersions }: ReplayContext,
): ReplayDecision {
  const skip = (reason: SkipReason): ReplayDecision => ({ kind: "skip", reason });
  if (isSettled) return skip("settled");
  if (classified.class === "same" || classified.class === "older") return skip(classified.class);
  if (!choice.classes.includes(classified.class)) return skip("not-chosen");
  if (classified.mayBeDeleted && !choice.includeMayBeDeleted) return skip("may-be-deleted");
  if (operation.source === null) return skip("no-source");
  if (!indexExists) return skip("index-absent");
  const { id, routing, source, index, version } = operation;
  const target = targetOf(index);
  // A data stream accepts new documents only without a version.
  if (externalVersions && (classified.seen !== null || target === index)) {
    // An operator chose to overwrite what conflicts, which may have the same version.
    const condition = { kind: "version" as const, version, orEqual: classified.class === "conflicting" };
    return { kind: "write", write: { index, id, routing, source, condition } };
  }
  if (classified.seen !== null) {
    const condition = { kind: "unchanged" as const, ...classified.seen };
    return { kind: "write", write: { index, id, routing, source, condition } };
  }
  const condition = { kind: target === index ? ("absent" as const) : ("appended" as const) };
  return { kind: "write", write: { index: target, id, routing, source, condition } };
}
