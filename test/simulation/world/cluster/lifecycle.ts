import type { SimCluster } from "./cluster.ts";
import { isCompleteCopy, type SimIndex } from "./index-state.ts";

/** Between two steps of one index; Elasticsearch repeats a step that failed. */
const STEP_MS = [100, 4_000] as const;

/**
 * Index lifecycle management of a follower's cluster, one round: begins to end the following of what is complete. Once it has
 * begun it asks no more whether the index is complete.
 */
export function manageLifecycle(cluster: SimCluster, leader: SimCluster): void {
  if (!cluster.hasLifecycle || !cluster.isWell()) return;
  for (const index of cluster.indices.values()) {
    const source = leader.indices.get(index.name);
    if (source === undefined || index.following === null || index.unfollowingSinceMs !== null) continue;
    if (index.following.leaderUuid !== source.uuid || !isCompleteCopy(index, source)) continue;
    index.unfollowingSinceMs = Number.POSITIVE_INFINITY;
    take(cluster, index, steps);
  }
}

type Step = (index: SimIndex, nowMs: number) => boolean;

/** Each returns whether it is done. */
const steps: readonly Step[] = [
  (index, nowMs) => {
    if (index.following !== null) index.following.status = "paused";
    index.unfollowingSinceMs = nowMs;
    return true;
  },
  (index) => {
    if (index.following !== null) index.open = false;
    return true;
  },
  // It is refused unless the index is paused and closed, and only this step is repeated.
  (index) => {
    if (index.following !== null && (index.open || index.following.status !== "paused")) return false;
    index.following = null;
    return true;
  },
  (index) => {
    index.open = true;
    index.unfollowingSinceMs = null;
    return true;
  },
];

function take(cluster: SimCluster, index: SimIndex, [step, ...later]: readonly Step[]): void {
  if (step === undefined) return;
  const { world } = cluster;
  world.after(world.random.between(...STEP_MS), () => {
    if (cluster.indices.get(index.name) !== index) return;
    take(cluster, index, cluster.isWell() && step(index, world.nowMs) ? later : [step, ...later]);
  });
}
