import type { WatchdogConfig } from "../../config/schema.ts";
import type { ActiveSnapshot, StandbySnapshot } from "../state/observations.ts";
import type { Plan } from "../state/plan.ts";
import { notStarted, stepOf } from "../state/plan.ts";
import type { LeaderSnapshot, LossEstimate } from "../state/record-fields.ts";
import { detachFollowers, liftBlocks, openForWrites } from "./promotion.ts";

/**
 * A planned change of the active region, from the snapshots of both. The routers are closed when it begins, so writers
 * wait for every step: what takes long, being in sync, was a condition for closing. Once `block-writes` is done the old
 * region takes no write, not even one that bypasses the routers; `catch-up` then proves that the standby has every write,
 * and no follower is detached before.
 */
export function planSwitchover(
  active: ActiveSnapshot,
  standby: StandbySnapshot,
  leader: LeaderSnapshot | null,
  config: Pick<WatchdogConfig, "switchover" | "replication">,
  nowMs: number,
  /** As of `planPromotion`. */
  blocked: readonly string[] = [],
): Plan {
  const from = active.region;
  const writable = active.indices.filter(({ open, writeBlocked }) => open && !writeBlocked).map(({ name }) => name);
  const patterns = standby.autoFollow.filter(({ remoteCluster }) => remoteCluster === from).map(({ name }) => name);
  return {
    kind: "switchover",
    createdAtMs: nowMs,
    steps: [
      { kind: "block-writes", ...notStarted, indices: writable.toSorted() },
      { kind: "catch-up", ...notStarted, timeoutMs: config.switchover.catchUpTimeoutMs, leaderCheckpoints: null },
      { kind: "pause-auto-follow", ...notStarted, patterns },
      ...detachFollowers(from, standby),
      ...liftBlocks(blocked),
      ...openForWrites(from, standby, leader, config.replication),
    ],
  };
}

/** The way back of a switchover from which nothing was cut loose: the old region accepts writes again. */
export function planUndo(switchover: Plan, nowMs: number): Plan {
  const blocked = stepOf(switchover, "block-writes");
  // Also what a step that never ended may have done.
  const indices = blocked === null || blocked.attempts === 0 ? [] : blocked.indices;
  return { kind: "undo", createdAtMs: nowMs, steps: [{ kind: "lift-write-block", ...notStarted, indices }] };
}

/** The loss of a switchover, once `catch-up` has proven that the standby has every write. */
export const noLoss: LossEstimate = {
  atLeast: 0,
  atMost: 0,
  shards: [],
  unseenMs: 0,
  explanation: "none: writes were stopped, and every shard had caught up with its leader",
};
