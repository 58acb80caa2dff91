import type { RegionName } from "../../config/address.ts";
import { autoFollowName } from "../../core/plans/replication.ts";
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
  const snapshot = { region, observedAtMs, readiness, indices, followers, autoFollow, dataStreams };
  return { ...snapshot, sync: judge(context, leader, snapshot) };
}

/** null without a recent snapshot of the leader to compare with. */
function judge(
  { observed, config }: WatchdogContext,
  leader: RegionName,
  standby: Omit<StandbySnapshot, "sync">,
): StandbySnapshot["sync"] {
  const { active, record } = observed;
  const { observedAtMs: atMs } = standby;
  const maxAgeMs = 2 * config.replication.intervalMs;
  if (active === null || active.region !== leader || atMs - active.observedAtMs > maxAgeMs) return null;
  const { judgement, memory } = judgeSync(
    {
      leader: {
        region: leader,
        indices: active.indices,
        shards: observed.leaderSnapshot?.shards ?? [],
        healthy: observed.healthOf(leader).state === "healthy",
      },
      standby: { ...standby, autoFollow: standby.autoFollow.find(({ name }) => name === autoFollowName(leader)) },
      inSyncSinceMs: record?.phase === "serving" && record.standby === "in-sync" ? record.inSyncSinceMs : null,
      atMs,
      limits: config.replication,
    },
    observed.syncMemory,
  );
  observed.syncMemory = memory;
  return judgement;
}
