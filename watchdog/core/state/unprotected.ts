import type { FirstCopy, Follower, IndexState, UnmatchedIndex } from "./cluster.ts";
import { unfollowable, unmatchedReason } from "./followable.ts";
import type { Exposure } from "./protection.ts";

/** An index of the active region that the standby could not replace now, and why. */
export interface UnprotectedIndex {
  readonly index: string;
  readonly state: Exposure["state"];
  readonly reason: string;
  /** null unless its first copy runs or failed. */
  readonly copy: FirstCopy | null;
  /** When this watchdog first saw it unprotected. */
  readonly sinceMs: number;
  /** False for a new index that never was protected: it does not suspend the protection of the others. */
  readonly established: boolean;
  /** False for one that `replication.required` does not name: it may be left behind. */
  readonly required: boolean;
}

/**
 * Indices that CCR cannot follow, or that the patterns do not name. A closed one that was followed before is not among them:
 * its follower has what it holds.
 */
export function unfollowableIndices(
  leader: { readonly indices: readonly IndexState[]; readonly unmatched: readonly UnmatchedIndex[] },
  followers: readonly Follower[],
): readonly (Omit<UnprotectedIndex, "sinceMs"> & { readonly key: string })[] {
  const followed = new Set(followers.map(({ leaderUuid }) => leaderUuid));
  const named = (key: string, index: string, reason: string) => ({
    ...{ key, index, state: "unfollowable" as const, reason: `${index} ${reason}` },
    ...{ copy: null, established: true, required: false },
  });
  const managed = leader.indices.flatMap((index) => {
    const reason = unfollowable(index);
    return reason === null || followed.has(index.uuid) ? [] : [named(index.uuid, index.name, reason)];
  });
  return [...managed, ...leader.unmatched.map((index) => named(index.name, index.name, unmatchedReason(index)))];
}
