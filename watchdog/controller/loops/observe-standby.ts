import type { RegionName } from "../../config/address.ts";
import { autoFollowName } from "../../core/plans/replication.ts";
import type { AutoFollowPattern, Follower } from "../../core/state/cluster.ts";
import type { StandbySnapshot } from "../../core/state/observations.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { judgeSync } from "../../core/state/sync.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import { activeBeforeChange } from "../observed-state.ts";

/** Takes a snapshot of the standby, or of the region that is being promoted. On failure the last snapshot stays. */
export async function observeStandby(context: WatchdogContext): Promise<void> {
  const { observed, config } = context;
  const { record } = observed;
  if (record === null) return;
  const region = record.phase === "serving" ? otherRegion(config, record.active) : record.to;
  const leader = otherRegion(config, region);
  const observation = observed.beginObservation("standby");
  try {
    const snapshot = await takeSnapshot(context, region, leader);
    if (activeBeforeChange(observed.record) !== leader || !observation.isNewest()) return;
    observed.standby = snapshot;
    observed.standbyError = null;
    if (snapshot.sync?.inSync && observed.lastProbeWasGood(leader)) observed.inSyncSeenAtMs = snapshot.observedAtMs;
  } catch (error) {
    observed.standbyError = messageOf(error);
  }
}

async function takeSnapshot(
  context: WatchdogContext,
  region: RegionName,
  leader: RegionName,
): Promise<StandbySnapshot> {
  const cluster = context.clusters[region];
  if (cluster === undefined) throw new Error(`no cluster is configured for ${region}`);
  const observedAtMs = context.clock.nowMs();
  const [readiness, indices, followers, autoFollow, dataStreams] = await Promise.all([
    cluster.readiness(leader),
    cluster.indices(),
    cluster.followers(),
    cluster.autoFollowPatterns(),
    cluster.dataStreams(),
  ]);
  const sync = judge(context, leader, { followers, autoFollow, observedAtMs });
  return { region, observedAtMs, readiness, indices, followers, autoFollow, dataStreams, sync };
}

interface FollowerSide {
  readonly followers: readonly Follower[];
  readonly autoFollow: readonly AutoFollowPattern[];
  readonly observedAtMs: number;
}

/** null without a recent snapshot of the leader to compare with. */
function judge(
  { observed, config }: WatchdogContext,
  leader: RegionName,
  { followers, autoFollow, observedAtMs }: FollowerSide,
): StandbySnapshot["sync"] {
  const { active } = observed;
  const maxAgeMs = 2 * config.replication.intervalMs;
  if (active === null || active.region !== leader || observedAtMs - active.observedAtMs > maxAgeMs) return null;
  const sync = judgeSync(active.indices, followers, leader, config.replication);
  if (autoFollow.some((pattern) => pattern.active && pattern.name === autoFollowName(leader))) return sync;
  const reason = "new indices are not followed: no active auto-follow pattern";
  return { ...sync, inSync: false, reasons: [...sync.reasons, reason] };
}
