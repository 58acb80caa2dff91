import type { ActiveSnapshot, StandbySnapshot } from "../core/state/observations.ts";
import { count } from "../util/text.ts";
import type { ReplicationStatus } from "./status.ts";

/** The data streams of the active region, and what a failover would find of them. */
export function dataStreamReport(
  active: ActiveSnapshot | null,
  standby: Pick<StandbySnapshot, "region" | "dataStreams" | "indices">,
): ReplicationStatus["dataStreams"] {
  if (active === null) return [];
  const following = new Set(standby.indices.filter((index) => index.following).map(({ name }) => name));
  return active.dataStreams.map(({ name, indices, writeIndex, failureIndices }) => {
    const own = standby.dataStreams.find((stream) => stream.name === name);
    const problems: string[] = [];
    if (own?.replicated === false) {
      problems.push(`${standby.region} has a data stream of this name that refuses to follow: delete it there`);
    }
    if (own?.replicated === true && !own.hasTemplate) {
      problems.push(`no index template of ${standby.region} matches it: after a failover it cannot be rolled over`);
    }
    if (failureIndices.length > 0) {
      const store = count(failureIndices.length, "index", "indices");
      problems.push(`its failure store (${store}) is in ${active.region} alone: CCR does not replicate it`);
    }
    const followed = indices.filter((index) => following.has(index.name)).length;
    return { name, writeIndex, indices: indices.length, followed, problems };
  });
}
