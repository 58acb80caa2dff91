import type { IndexState, UnmatchedIndex } from "./cluster.ts";

type Kind = Pick<IndexState, "open" | "searchableSnapshot">;

/** Why an index of the active region cannot be followed; null when it can. */
export function unfollowable({ open, searchableSnapshot }: Kind): string | null {
  if (searchableSnapshot) return "cannot be followed: it is a searchable snapshot";
  return open ? null : "cannot be followed: it is closed";
}

/** Why an index that no pattern matches is not followed, although applications reach it by an alias that one matches. */
export function unmatchedReason({ aliases, searchableSnapshot }: UnmatchedIndex): string {
  const alias = aliases.join(", ");
  return searchableSnapshot
    ? `serves ${alias} and cannot be followed: it is a searchable snapshot`
    : `serves ${alias} and is not followed: replication.patterns has no pattern for its own name`;
}

/**
 * Whether a region holds the documents of an index itself. A searchable snapshot has them in a repository: it cannot change,
 * and there is nothing to salvage or to make room for.
 */
export const isOwn = ({
  following,
  searchableSnapshot,
}: Pick<IndexState, "following" | "searchableSnapshot">): boolean => !following && !searchableSnapshot;
