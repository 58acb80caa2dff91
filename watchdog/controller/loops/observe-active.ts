import type { RegionName } from "../../config/address.ts";
import { checkpointsOf } from "../../core/ports/cluster.ts";
import { type IndexState, ofShard, type ShardCheckpoint } from "../../core/state/cluster.ts";
import { deletedLeaders } from "../../core/state/deleted-leaders.ts";
import { unfollowable, unmatchedReason } from "../../core/state/followable.ts";
import { isManaged, type ManagedPatterns } from "../../core/state/patterns.ts";
import type { StateRecord } from "../../core/state/record.ts";
import type { LeaderSnapshot } from "../../core/state/record-fields.ts";
import { shardsByIndex } from "../../core/state/shards-by-index.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { indicesToJoin } from "../../core/state/to-join.ts";
import { isMarked } from "../../core/state/write-blocks.ts";
import { perAnswer } from "../../util/unchanged.ts";
import type { WatchdogContext } from "../context.ts";
import { activeBeforeChange } from "../observed-state.ts";

/** Takes a snapshot of the active region: its managed indices, their checkpoints, its definitions. */
export async function observeActive({ clusters, config, observed, clock }: WatchdogContext): Promise<void> {
  const region = regionToObserve(observed.record);
  if (region === null || !observed.lastProbeWasGood(region)) return;
  const cluster = clusters[region];
  if (cluster === undefined) return;
  const standby = otherRegion(config, region);
  const observation = observed.beginObservation("active");
  // The time before the requests: what is written while they are answered counts as unseen.
  const observedAtMs = clock.nowMs();
  const [indices, unmatched, definitions, readiness] = await Promise.all([
    cluster.indices(),
    cluster.unmatchedIndices(),
    // Only the controller copies them.
    observed.isController(clock.monotonicMs()) ? cluster.definitions(config.replication.definitions) : [],
    // Should the roles change, this region follows the standby.
    cluster.readiness(standby, { reconnect: true }),
  ]);
  const open = indices.filter((index) => unfollowable(index) === null).map(({ name }) => name);
  const checkpoints = open.length === 0 ? [] : await checkpointsOf(cluster, open);
  // Rarely any: asked for only when the indices show some.
  const followers = indices.some(({ following }) => following) ? await cluster.followers() : [];
  const dataStreams = indices.some(({ dataStream }) => dataStream !== null) ? await cluster.dataStreams() : [];
  const strays = followers.filter(({ remoteCluster }) => remoteCluster === standby).map(({ index }) => index);
  if (activeBeforeChange(observed.record) !== region || !observation.isNewest()) return;
  observed.active = { region, observedAtMs, readiness, indices, dataStreams, strays, unmatched };
  // The standby was looked at before, so that a follower that is new has its leader here.
  observed.deletedLeaders =
    observed.standby === null
      ? []
      : deletedLeaders({ active: observed.active, standby: observed.standby }, config.replication);
  observed.definitions = definitions;
  // Nothing newer is known of its writes then: the age of the last snapshot bounds the loss.
  if (checkpoints === null) return;
  // The region that was left before keeps its own of an index that has yet to join: nothing of it would be missing there.
  const toJoin = indicesToJoin(observed.record);
  const served = toJoin.length === 0 ? indices : indices.filter(({ name }) => !toJoin.includes(name));
  const isOfUsers = (index: IndexState) => observed.record === null || !isMarked(observed.record, region, index);
  observed.leaderObservation = observation.number;
  observed.leaderSnapshot = {
    ...leaderSnapshotOf(observedAtMs, served, checkpoints, observed.leaderSnapshot),
    aliases: membersOfAliases(served, config.replication),
    deleted: observed.deletedLeaders.map(({ index }) => index),
    unmatched: unmatched.map((index) => ({ index: index.name, reason: unmatchedReason(index) })),
    writeBlocked: served.filter((index) => index.writeBlocked && isOfUsers(index)).map(({ name }) => name),
  };
}

/** The active region, and the one that a switchover is about to leave. A lost region is not asked. */
function regionToObserve(record: StateRecord | null): RegionName | null {
  if (record?.phase === "serving") return record.active;
  return record?.phase === "closing" && record.change === "switchover" ? record.from : null;
}

function leaderSnapshotOf(
  atMs: number,
  indices: readonly IndexState[],
  checkpoints: readonly ShardCheckpoint[],
  before: LeaderSnapshot | null,
): Omit<LeaderSnapshot, "aliases" | "deleted" | "unmatched" | "writeBlocked"> {
  const shards = shardsOf(checkpoints);
  const rate = before === null ? null : operationsPerSecond(before, { atMs, shards });
  return {
    atMs,
    ...contentsOf(indices),
    shards,
    peakOperationsPerSecond:
      rate === null ? (before?.peakOperationsPerSecond ?? null) : Math.max(rate, before?.peakOperationsPerSecond ?? 0),
  };
}

const shardsOf = perAnswer((checkpoints: readonly ShardCheckpoint[]): LeaderSnapshot["shards"] =>
  checkpoints.map(({ index, shard, maxSeqNo }) => ({ index, shard, maxSeqNo })),
);

type Contents = Pick<LeaderSnapshot, "indices" | "uuids" | "writeAliases" | "indexingComplete" | "unfollowable">;

const contentsOf = perAnswer(
  (indices: readonly IndexState[]): Contents => ({
    indices: indices.map(({ name }) => name),
    uuids: indices.map(({ name, uuid }) => ({ index: name, uuid })),
    writeAliases: writeAliasesOf(indices),
    indexingComplete: indices.flatMap(({ indexingComplete, createdAtMs }, index) =>
      indexingComplete ? [{ index, createdAtMs }] : [],
    ),
    unfollowable: indices.flatMap((state, index) => {
      const reason = unfollowable(state);
      return reason === null ? [] : [{ index, reason }];
    }),
  }),
);

function operationsPerSecond(before: LeaderSnapshot, now: Pick<LeaderSnapshot, "atMs" | "shards">): number | null {
  const elapsedMs = now.atMs - before.atMs;
  if (elapsedMs <= 0) return null;
  if (before.shards === now.shards) return 0;
  const earlier = shardsByIndex(before.shards);
  const operations = now.shards.reduce((sum, { index, shard, maxSeqNo }) => {
    const known = ofShard(earlier.get(index) ?? [], shard)?.maxSeqNo ?? -1;
    return sum + Math.max(0, maxSeqNo - known);
  }, 0);
  return (operations * 1000) / elapsedMs;
}

function writeAliasesOf(indices: readonly IndexState[]): LeaderSnapshot["writeAliases"] {
  return indices.flatMap(({ name, aliases }) =>
    aliases.filter(({ isWriteIndex }) => isWriteIndex).map(({ alias }) => ({ alias, index: name })),
  );
}

/** By position: see the record's field. An alias that writes nowhere is of no use to a promotion. */
function membersOfAliases(indices: readonly IndexState[], managed: ManagedPatterns): LeaderSnapshot["aliases"] {
  const found = new Map<string, { readonly members: number[]; isWritten: boolean }>();
  for (const [position, { aliases }] of indices.entries()) {
    for (const { alias, isWriteIndex } of aliases) {
      const entry = found.get(alias) ?? { members: [], isWritten: false };
      entry.members.push(position);
      entry.isWritten ||= isWriteIndex;
      found.set(alias, entry);
    }
  }
  return [...found]
    .filter(([alias, { members, isWritten }]) => isManaged(managed, alias) && (isWritten || members.length === 1))
    .map(([alias, { members }]) => ({ alias, members }));
}
