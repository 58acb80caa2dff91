import type { DocumentCopy } from "../ports.ts";

/**
 * Relation of a salvaged operation to the active region's document of the same id and routing. Every salvaged operation
 * is above the checkpoint, so the old primary changed the document after both regions last agreed on it.
 *
 * - `missing`: the active region has no such document. Either the operation never arrived, or the document was deleted
 *   there since. A deletion leaves nothing to read, so the two cases cannot be distinguished with certainty;
 *   `mayBeDeleted` is false when the operation created the document (version 1), or its shard was never replicated: the
 *   active region cannot have had an earlier version. Such documents are listed separately and replayed only on request.
 * - `same`: identical content and routing, for whatever reason; nothing to do.
 * - `newer`: the operation is newer. The active region still has the version from before the failover (its sequence
 *   number is not above the checkpoint), so the update is lost.
 * - `older`: the operation is stale. The active region changed the document after the failover, to a higher `_version`.
 * - `conflicting`: both regions changed the document after the failover, to different contents, and neither version is
 *   certainly ahead.
 *
 * `_seq_no` is comparable between the regions only up to the checkpoint: above it each region counts on its own.
 * `_primary_term` is never comparable, because a follower writes its own term; it only identifies a copy within one
 * region. Replication preserves `_version`, which counts the changes of a document: above the checkpoint it is a strong
 * hint with internal versioning, and exact with external versioning. It never causes an overwrite by itself.
 */
export const salvageClasses = ["missing", "same", "newer", "older", "conflicting"] as const;
export type SalvageClass = (typeof salvageClasses)[number];

export interface Classification {
  readonly class: SalvageClass;
  /** True only for `missing`. */
  readonly mayBeDeleted: boolean;
}

export interface SalvagedVersion {
  readonly version: bigint;
  /** null without `_source`; such a document is never `same`. */
  readonly contentHash: string | null;
}

export interface SharedHistory {
  /** The new primary had the shard's operations up to here; null if its index is not the one that followed. */
  readonly checkpoint: number | null;
  /** False if the new primary never had an operation of the shard: then it had no earlier version of a document either. */
  readonly replicated: boolean;
}

/** First match wins. */
export function classify(
  ours: SalvagedVersion,
  theirs: DocumentCopy | null,
  { checkpoint, replicated }: SharedHistory,
): Classification {
  if (theirs === null) return { class: "missing", mayBeDeleted: replicated && ours.version > 1n };
  const found = (name: SalvageClass): Classification => ({ class: name, mayBeDeleted: false });
  if (ours.contentHash !== null && ours.contentHash === theirs.contentHash) return found("same");
  if (checkpoint !== null && theirs.seqNo <= checkpoint) return found("newer");
  if (theirs.version > ours.version) return found("older");
  return found("conflicting");
}
