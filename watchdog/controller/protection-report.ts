import { unfollowable } from "../core/state/followable.ts";
import type { ActiveSnapshot } from "../core/state/observations.ts";
import type { SyncJudgement } from "../core/state/sync.ts";
import type { UnprotectedIndex } from "../core/state/unprotected.ts";
import type { ReplicationStatus } from "./status.ts";

/** More would make the status of a standby that follows nothing yet unreadable. */
const SHOWN_MAX = 50;

const order: readonly UnprotectedIndex["state"][] = [
  "copying",
  "copy-failed",
  "behind",
  "not-followed",
  "unfollowable",
];

/** How many indices are protected, and those that are not. */
export function protectionReport(
  sync: SyncJudgement | null,
  active: ActiveSnapshot | null,
): Pick<ReplicationStatus, "protectedIndices" | "unprotected"> {
  if (sync === null || active === null) return { protectedIndices: null, unprotected: [] };
  const of = active.indices.filter((index) => unfollowable(index) === null).length;
  const { unprotected } = sync;
  const lacking = unprotected.filter(({ state }) => state !== "unfollowable").length;
  return {
    // The two are of different times: an index may be gone since.
    protectedIndices: { count: Math.max(0, of - lacking), of },
    unprotected: [...unprotected].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)).slice(0, SHOWN_MAX),
  };
}
