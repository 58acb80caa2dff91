import type { RegionName } from "../../config/address.ts";
import { autoFollowName } from "../../core/plans/replication.ts";
import type { IndexState, ShardCheckpoint } from "../../core/state/cluster.ts";
import type { FirstSnapshot, StandbySnapshot } from "../../core/state/observations.ts";
import type { StateRecord } from "../../core/state/record.ts";
import type { LeaderSnapshot } from "../../core/state/record-fields.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { judgeSync } from "../../core/state/sync.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import { activeBeforeChange } from "../observed-state.ts";

/**
 * Looks at the active region: its managed indices, their checkpoints, its definitions. Apart from the look at the
 * standby, so that a lost leader does not delay it.
 */
export async function observeActive({ clusters, config, observed, clock }: WatchdogContext): Promise<void> {
  const region = regionToLookAt(observed.record);
  if (region === null || !observed.lastProbeWasGood(region)) return;
  const cluster = clusters[region];
  if (cluster === undefined) return;
  const standby = otherRegion(config, region);
  const look = observed.beginObservation("leader");
  // Counted from before the questions: what is written while they are answered counts as unseen.
  const atMs = clock.nowMs();
  const [indices, definitions, readiness] = await Promise.all([
    cluster.indices(),
    cluster.definitions(config.replication.definitions),
    // Should the roles change, it follows the standby.
    cluster.readiness(standby, { reconnect: true }),
  ]);
  const open = indices.filter((index) => index.open).map(({ name }) => name);
  const checkpoints = open.length === 0 ? [] : await cluster.checkpoints(open);
  // What follows although it leads; asked for only where there is any.
  const followers = indices.some(({ following }) => following) ? await cluster.followers() : [];
  const unexpectedFollowers = followers
    .filter(({ remoteCluster }) => remoteCluster === standby)
    .map(({ index }) => index);
  if (activeBeforeChange(observed.record) !== region || !look.isNewest()) return;
  observed.activeSnapshot = { region, atMs, indices, definitions, readiness, unexpectedFollowers };
  observed.leaderSight = sightOf(atMs, indices, checkpoints, observed.leaderSight);
}

/** The active region, also while a switchover away from it is about to begin. A lost one is not asked. */
function regionToLookAt(record: StateRecord | null): RegionName | null {
  if (record?.phase === "serving") return record.active;
  return record?.phase === "closing" && record.change === "switchover" ? record.from : null;
}

function sightOf(
  atMs: number,
  indices: readonly IndexState[],
  checkpoints: readonly ShardCheckpoint[],
  before: LeaderSnapshot | null,
): LeaderSnapshot {
  const shards = checkpoints.map(({ index, shard, maxSeqNo }) => ({ index, shard, maxSeqNo }));
  const rate = before === null ? null : operationsPerSecond(before, { atMs, shards });
  return {
    atMs,
    indices: indices.map(({ name }) => name),
    uuids: indices.map(({ name, uuid }) => ({ index: name, uuid })),
    shards,
    writeAliases: writeAliasesOf(indices),
    peakOperationsPerSecond:
      rate === null ? (before?.peakOperationsPerSecond ?? null) : Math.max(rate, before?.peakOperationsPerSecond ?? 0),
  };
}

function operationsPerSecond(before: LeaderSnapshot, now: Pick<LeaderSnapshot, "atMs" | "shards">): number | null {
  const elapsedMs = now.atMs - before.atMs;
  if (elapsedMs <= 0) return null;
  const earlier = new Map(before.shards.map(({ index, shard, maxSeqNo }) => [`${index}/${shard}`, maxSeqNo]));
  const operations = now.shards.reduce(
    (sum, { index, shard, maxSeqNo }) => sum + Math.max(0, maxSeqNo - (earlier.get(`${index}/${shard}`) ?? -1)),
    0,
  );
  return (operations * 1000) / elapsedMs;
}

function writeAliasesOf(indices: readonly IndexState[]): LeaderSnapshot["writeAliases"] {
  return indices.flatMap(({ name, aliases }) =>
    aliases.filter(({ isWriteIndex }) => isWriteIndex).map(({ alias }) => ({ alias, index: name })),
  );
}

/** Looks at the standby, or at the region that is being promoted. A failure is noted and the last look kept. */
export async function observeStandby(context: WatchdogContext): Promise<void> {
  const { observed, config } = context;
  const { record } = observed;
  if (record === null) return;
  const region = record.phase === "serving" ? otherRegion(config, record.active) : record.to;
  const leader = otherRegion(config, region);
  const look = observed.beginObservation("standby");
  try {
    const view = await standbyView(context, region, leader);
    if (activeBeforeChange(observed.record) !== leader || !look.isNewest()) return;
    observed.standby = view;
    observed.standbyError = null;
    if (view.sync?.inSync && observed.lastProbeWasGood(leader)) observed.inSyncSeenAtMs = view.observedAtMs;
  } catch (error) {
    observed.standbyError = messageOf(error);
  }
}

async function standbyView(
  { clusters, observed, config, clock }: WatchdogContext,
  region: RegionName,
  leader: RegionName,
): Promise<StandbySnapshot> {
  const cluster = clusters[region];
  if (cluster === undefined) throw new Error(`no cluster is configured for ${region}`);
  const observedAtMs = clock.nowMs();
  const [readiness, indices, followers, autoFollow, dataStreams] = await Promise.all([
    cluster.readiness(leader),
    cluster.indices(),
    cluster.followers(),
    cluster.autoFollowPatterns(),
    cluster.dataStreams(),
  ]);
  const led = observed.activeSnapshot;
  const recent = led !== null && led.region === leader && observedAtMs - led.atMs <= 2 * config.replication.intervalMs;
  const sync = recent ? judgeSync(led.indices, followers, leader, config.replication) : null;
  const followsAll = autoFollow.some(({ name, active }) => active && name === autoFollowName(leader));
  const judged =
    sync === null || followsAll
      ? sync
      : {
          ...sync,
          inSync: false,
          reasons: [...sync.reasons, "new indices are not followed: no active auto-follow pattern"],
        };
  return { region, observedAtMs, readiness, indices, followers, autoFollow, dataStreams, sync: judged };
}

/** While there is no record: whether a region is somebody's follower. Regions that do not answer are left out. */
export async function observeWithoutRecord({ clusters }: WatchdogContext): Promise<readonly FirstSnapshot[]> {
  const looks = Object.values(clusters).map(async (cluster): Promise<readonly FirstSnapshot[]> => {
    try {
      const indices = await cluster.indices();
      return [
        { region: cluster.region, following: indices.filter(({ following }) => following).map(({ name }) => name) },
      ];
    } catch {
      return [];
    }
  });
  return (await Promise.all(looks)).flat();
}
