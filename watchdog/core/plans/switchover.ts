import type { WatchdogConfig } from "../../config/schema.ts";
import type { ActiveSnapshot, StandbySnapshot } from "../state/observations.ts";
import { notStarted, type Plan } from "../state/plan.ts";
import type { PromotingRecord } from "../state/record.ts";
import type { LeaderSnapshot, LossEstimate } from "../state/record-fields.ts";
import { markedIndices } from "../state/write-blocks.ts";
import { followersFrom } from "./left-out.ts";
import { detachFollowers, openForWrites } from "./promotion.ts";
import { liftBlocks } from "./write-blocks.ts";

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
  marked: readonly string[] = [],
): Plan {
  const from = active.region;
  const writable = active.indices.filter(({ open, writeBlocked }) => open && !writeBlocked).map(({ name }) => name);
  // What a follower lacks that its leader has is found by `catch-up`, and the switchover turns back.
  const followers = followersFrom(from, standby, null);
  const patterns = standby.autoFollow.filter(({ remoteCluster }) => remoteCluster === from).map(({ name }) => name);
  return {
    kind: "switchover",
    createdAtMs: nowMs,
    steps: [
      { kind: "block-writes", ...notStarted, indices: writable.toSorted() },
      { kind: "catch-up", ...notStarted, timeoutMs: config.switchover.catchUpTimeoutMs, leaderCheckpoints: null },
      { kind: "pause-auto-follow", ...notStarted, patterns },
      ...detachFollowers(followers, standby, leader),
      ...liftBlocks(marked),
      ...openForWrites(followers, standby, leader, config.replication),
    ],
  };
}

/** A switchover turns back: the old region accepts writes again once its marked write blocks are lifted. */
export function planUndo(record: PromotingRecord, nowMs: number): Plan {
  const indices = markedIndices(record, record.from);
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
