import type { WatchdogConfig } from "../../config/schema.ts";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import type { ClusterProbe } from "./cluster.ts";
import { isUnfinished } from "./first-copy.ts";
import type { StandbySnapshot } from "./observations.ts";
import type { ServingRecord } from "./record.ts";
import type { IndexUuid } from "./record-fields.ts";

/** Followers whose first copy was never seen complete, so that they can be made again after a restart has ended it. */

export type RegionConfig = DeepReadonly<WatchdogConfig["regions"][string]>;

/** More of them at once would make the record large. Those beyond are named once they are in need, for an operator. */
export const UNFINISHED_COPIES_MAX = 100;

/**
 * The followers of a standby whose first copy runs or has failed, and those noted before that still lack a primary. One that
 * has all its primaries is complete, and never noted again.
 */
export function unfinishedCopies(
  noted: readonly IndexUuid[],
  { indices }: Pick<StandbySnapshot, "indices">,
): readonly IndexUuid[] {
  const before = new Set(noted.map(({ uuid }) => uuid));
  const unfinished = indices.filter(
    (index) =>
      isUnfinished(index) || (index.following && before.has(index.uuid) && index.primariesActive < index.primaries),
  );
  // Those noted before go first, so that a full list does not change with each new copy.
  return unfinished
    .map(({ name, uuid }) => ({ index: name, uuid }))
    .toSorted((a, b) => Number(before.has(b.uuid)) - Number(before.has(a.uuid)))
    .slice(0, UNFINISHED_COPIES_MAX);
}

/**
 * UUIDs of followers that were never complete, and that no node will bring: all configured ones of the standby are there. While
 * one is away it may hold a copy that was completed unseen, a moment before it went.
 */
export function neverComplete(
  { unfinishedCopies: noted }: Pick<ServingRecord, "unfinishedCopies">,
  probe: ClusterProbe | null,
  { nodes }: RegionConfig,
): ReadonlySet<string> {
  const areAllThere = probe?.reachable === true && probe.nodes >= nodes.length;
  return new Set(areAllThere ? noted.map(({ uuid }) => uuid) : []);
}
