import { isCompleteCopy, type SimIndex } from "../world/cluster/index-state.ts";
import { otherRegion } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import { isCalm } from "./calm.ts";

const ROUND_MS = 200;
/** From the end of a protection until the record no longer claims it: two rounds with a request each, and a decision. */
const NOTICED_MS_MAX = 15_000;

/**
 * Invariant 14: while the record has the standby in sync, the standby could serve every index that it could serve before.
 * Only time counts in which nothing disturbs the watchdogs.
 */
export function watchProtection(system: System): void {
  const { world, config } = system;
  const limitMs = config.replication.maxReadAgeMs + NOTICED_MS_MAX;
  /** UUIDs of leader indices that the standby once had, and since when it lacks those that it does not have now. */
  const established = new Set<string>();
  const lackedMs = new Map<string, number>();
  world.every(ROUND_MS, () => {
    const { record } = system;
    if (record?.phase !== "serving") return lackedMs.clear();
    const leader = system.cluster(record.active);
    const standby = system.clusters[otherRegion(record.active)];
    for (const source of leader.indices.values()) {
      const isServed = couldServe(standby.indices.get(source.name), source, config.replication.maxLagOperations);
      if (isServed) established.add(source.uuid);
      if (isServed || !source.open || !established.has(source.uuid) || record.standby !== "in-sync") {
        lackedMs.delete(source.uuid);
        continue;
      }
      const forMs = (lackedMs.get(source.uuid) ?? 0) + (isCalm(system, ["gra", "bhs"]) ? ROUND_MS : 0);
      lackedMs.set(source.uuid, forMs);
      if (forMs > limitMs) {
        world.report(
          "14",
          `${source.name} counts as protected, but has not been for ${forMs} ms without a disturbance`,
        );
      }
    }
  });
}

/** Whether the standby has the index nearly as its leader has it now. */
function couldServe(follower: SimIndex | undefined, source: SimIndex, lagMax: number): boolean {
  const { uuid, operations } = source;
  if (follower !== undefined && isCompleteCopy(follower, source)) return true;
  if (follower?.following?.leaderUuid !== uuid || follower.copy !== null) return false;
  const { following, open, writeBlocked, readOnly } = follower;
  const isFollowing = open && following.status === "active" && following.fatal === null;
  const lag = operations.length - follower.operations.length;
  return isFollowing && lag <= (writeBlocked || readOnly ? 0 : lagMax);
}
