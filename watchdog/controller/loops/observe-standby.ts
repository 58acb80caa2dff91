import type { RegionName } from "../../config/address.ts";
import { usedAutoFollow } from "../../core/plans/auto-follow.ts";
import type { Cluster } from "../../core/ports/cluster.ts";
import { copyStates } from "../../core/state/complete-copies.ts";
import { isUnfinished } from "../../core/state/first-copy.ts";
import { stateByProbes } from "../../core/state/health.ts";
import { observeLag } from "../../core/state/lag-time.ts";
import type { StandbySnapshot } from "../../core/state/observations.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { judgeSync, newSinceMs } from "../../core/state/sync.ts";
import { servedOf } from "../../core/state/to-join.ts";
import { within } from "../../util/concurrency.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import { observationIntervalMs } from "../observation-pace.ts";
import { activeBeforeChange, type StandbyBackground } from "../observed-state.ts";

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
  const [indices, followers, background] = await Promise.all([
    cluster.indices(),
    cluster.followers(),
    backgroundOf(context, cluster, leader),
  ]);
  const { observed, clock } = context;
  const { record } = observed;
  // A controller that starts during a change knows the old region by the record alone.
  const led = record === null || record.phase === "serving" ? observed.leaderSnapshot : record.leaderSight;
  const checkpoints = await observed.copyCheckpoints.read(cluster, led, { indices, followers }, clock);
  const snapshot = { ...background, observedAtMs, indices, followers, checkpoints };
  return { ...snapshot, sync: judge(context, leader, snapshot) };
}

/** For so long one call without an answer holds a snapshot up. */
const BACKGROUND_WAIT_MS = 2_000;
/** Until then what was last read of it counts. */
const BACKGROUND_MAX_AGE_MS = 600_000;

/**
 * Licence, disks, patterns and data streams change rarely, and the steps of a plan read again what they act on: where one
 * of these calls hangs or fails, the last answers count, so that it holds no failover up.
 */
async function backgroundOf(
  { observed, clock }: WatchdogContext,
  cluster: Cluster,
  leader: RegionName,
): Promise<StandbyBackground> {
  const { region } = cluster;
  const before = observed.standbyBackground;
  const reading = readBackground(cluster, leader).then((read) => {
    if (activeBeforeChange(observed.record) === leader) observed.standbyBackground = { ...read, atMs: clock.nowMs() };
    return read;
  });
  if (before?.region !== region || clock.nowMs() - before.atMs > BACKGROUND_MAX_AGE_MS) return reading;
  const { atMs: _, ...known } = before;
  return within(clock, BACKGROUND_WAIT_MS, `the readiness of ${region}`, reading).catch(() => known);
}

async function readBackground(cluster: Cluster, leader: RegionName): Promise<StandbyBackground> {
  const [readiness, autoFollow, dataStreams] = await Promise.all([
    cluster.readiness(leader),
    cluster.autoFollowPatterns(),
    cluster.dataStreams(),
  ]);
  return { region: cluster.region, readiness, autoFollow, dataStreams };
}

/** null without a recent snapshot of the leader to compare with. */
function judge(
  context: WatchdogContext,
  leader: RegionName,
  standby: Omit<StandbySnapshot, "sync">,
): StandbySnapshot["sync"] {
  const { observed, config } = context;
  const { active, record } = observed;
  const { observedAtMs: atMs } = standby;
  const maxAgeMs = 2 * observationIntervalMs(context);
  if (active === null || active.region !== leader || atMs - active.observedAtMs > maxAgeMs) return null;
  const { judgement, memory } = judgeSync(
    {
      leader: {
        region: leader,
        indices: servedOf(record, active.indices),
        unmatched: active.unmatched,
        shards: observed.leaderSnapshot?.shards ?? [],
        healthy: stateByProbes(observed.healthOf(leader)) === "healthy",
      },
      standby: {
        ...standby,
        copies: copyStates(observed.leaderSnapshot, standby),
        autoFollow: usedAutoFollow(leader, standby.autoFollow, config.replication),
      },
      newSinceMs: newSinceMs(record, maxAgeMs),
      atMs,
      limits: config.replication,
    },
    observed.syncMemory,
  );
  observed.syncMemory = memory;
  if (observed.leaderSnapshot !== null) {
    const copying = new Set(standby.indices.filter(isUnfinished).map(({ name }) => name));
    const followers = standby.followers.filter(
      ({ index, remoteCluster }) => remoteCluster === leader && !copying.has(index),
    );
    observed.lag = observeLag(observed.lag, { leader: observed.leaderSnapshot, followers, atMs });
  }
  return judgement;
}
