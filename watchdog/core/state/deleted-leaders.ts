import type { WatchdogConfig } from "../../config/schema.ts";
import type { ActiveSnapshot, StandbySnapshot } from "./observations.ts";
import { isManaged, type ManagedPatterns } from "./patterns.ts";
import type { ServingRecord } from "./record.ts";
import type { IndexUuid } from "./record-fields.ts";
import { type SiteReport, voters } from "./sites.ts";

/** Followers whose leaders were deleted: CCR does not replicate a deletion. */

/** More at once are no deletions of single indices, and would make a report large. */
export const DELETED_LEADERS_MAX = 100;

/** What was seen of both regions, the active one after the other. */
export interface BothRegions {
  readonly active: Pick<ActiveSnapshot, "region" | "indices" | "unmatched">;
  readonly standby: Pick<StandbySnapshot, "indices" | "followers">;
}

/**
 * Followers, by their own UUID, of leaders that the active region no longer has. Where an index or an alias has the leader's
 * name there, the documents live on: in a new index, or in a shrunk or mounted one.
 */
export function deletedLeaders({ active, standby }: BothRegions, managed: ManagedPatterns): readonly IndexUuid[] {
  const aliases = [
    ...active.indices.flatMap((index) => index.aliases.map(({ alias }) => alias)),
    ...active.unmatched.flatMap((index) => index.aliases),
  ];
  const led = new Set([...active.indices.map(({ name }) => name), ...aliases]);
  const indices = new Map(standby.indices.map((index) => [index.name, index]));
  return standby.followers
    .flatMap(({ index, leaderIndex, remoteCluster }) => {
      const state = indices.get(index);
      // What the patterns do not match is not seen: it may well be there.
      const isGone = remoteCluster === active.region && !led.has(leaderIndex) && isManaged(managed, leaderIndex);
      return isGone && state?.following ? [{ index, uuid: state.uuid }] : [];
    })
    .slice(0, DELETED_LEADERS_MAX);
}

/** Whether a majority of all sites sees that the leader of this follower was deleted. */
export function majoritySeesDeleted(uuid: string, sites: readonly SiteReport[], config: WatchdogConfig): boolean {
  const all = voters(config);
  const seeing = sites.filter(({ site, deletedLeaders: seen }) => all.includes(site) && seen?.includes(uuid));
  return seeing.length > all.length / 2;
}

/** UUIDs of followers to delete now: a majority sees the deletion, and saw it at least the configured time ago. */
export function dueDeletions(
  record: Pick<ServingRecord, "deletedLeaders">,
  sites: readonly SiteReport[],
  config: WatchdogConfig,
  nowMs: number,
): ReadonlySet<string> {
  const { policy, deleteAfterMs } = config.replication.deletedLeaders;
  if (policy === "keep") return new Set();
  const due = record.deletedLeaders.filter(({ seenAtMs }) => nowMs - seenAtMs >= deleteAfterMs);
  return new Set(due.map(({ uuid }) => uuid).filter((uuid) => majoritySeesDeleted(uuid, sites, config)));
}
