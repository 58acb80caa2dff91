import type { DocumentCopy } from "../ports.ts";

/**
 * How a salvaged operation stands to what the active region holds under the same id and routing. Every salvaged
 * operation is from after the checkpoint, so the old primary has changed the document since both agreed on it.
 *
 * - `missing`: the active region has no such document. Either the operation never arrived, or the document was deleted
 *   there since. A deletion leaves nothing to read, so the two cannot be told apart for certain; `mayBeDeleted` is
 *   false when our operation created the document (version 1: there was no earlier version that the active region
 *   could have had). It is presented apart, and not replayed unless asked for.
 * - `same`: identical content and routing; nothing to do. How it came about does not matter.
 * - `newer`: ours is newer. The active region still has the version from before the failover (its sequence number is
 *   not above the checkpoint), so the update has been lost.
 * - `older`: ours is stale. The active region changed the document after the failover, and its `_version` is higher.
 * - `conflicting`: both regions changed it after the failover, to different content, and neither version is ahead for
 *   certain.
 *
 * `_seq_no` is comparable between the regions only up to the checkpoint: above it both count on by themselves.
 * `_primary_term` never is, for a follower writes its own term; it only serves to recognise one region's very copy.
 * `_version` is carried over by replication and counts changes to the document, so above the checkpoint it is a strong
 * hint with internal versioning and exact with external versioning; it never leads to an overwrite by itself.
 */
export type SalvageClass = "missing" | "same" | "newer" | "older" | "conflicting";

export const salvageClasses: readonly SalvageClass[] = ["missing", "same", "newer", "older", "conflicting"];

export interface Classification {
  readonly class: SalvageClass;
  /** Only ever true for `missing`. */
  readonly mayBeDeleted: boolean;
}

export interface SalvagedVersion {
  readonly version: number;
  /** Null without `_source`: then nothing is ever `same`. */
  readonly contentHash: string | null;
}

export interface SharedHistory {
  /** The new primary had the shard's operations up to here; null when its index is not the one that followed. */
  readonly checkpoint: number | null;
}

/** First match wins. */
export function classify(
  ours: SalvagedVersion,
  theirs: DocumentCopy | null,
  { checkpoint }: SharedHistory,
): Classification {
  if (theirs === null) return { class: "missing", mayBeDeleted: ours.version > 1 };
  const found = (name: SalvageClass): Classification => ({ class: name, mayBeDeleted: false });
  if (ours.contentHash !== null && ours.contentHash === theirs.contentHash) return found("same");
  if (checkpoint !== null && theirs.seqNo <= checkpoint) return found("newer");
  if (theirs.version > ours.version) return found("older");
  return found("conflicting");
}
