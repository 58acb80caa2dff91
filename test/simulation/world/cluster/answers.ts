import type { ClusterProbe, Follower, IndexState, ShardCheckpoint } from "../../../../watchdog/core/state/cluster.ts";
import { WALL_START_MS } from "../process.ts";
import { NODES } from "./ailments.ts";
import type { SimCluster } from "./cluster.ts";
import type { FirstCopy } from "./first-copy.ts";
import type { SimIndex } from "./index-state.ts";

/** What a cluster answers when a watchdog asks for its state. */

const isStarting = ({ world }: SimCluster, { startingUntilMs }: SimIndex) => startingUntilMs > world.nowMs;

/** Whether its primary waits for a first copy. What was detached from its leader waits for nothing any more. */
const isCopying = ({ copy, following }: SimIndex) => copy !== null && !copy.isForgotten && following !== null;

/** Whether no node that is there has a copy that could be started. */
const isWithoutCopy = (cluster: SimCluster, index: SimIndex) =>
  index.following !== null && (cluster.lacksNodeOf(index) || index.copy?.isForgotten === true);

export const indexStates = (cluster: SimCluster): readonly IndexState[] =>
  [...cluster.indices.values()].map((index) => ({
    name: index.name,
    uuid: index.uuid,
    createdAtMs: index.creationDateMs,
    open: index.open,
    primaries: 1,
    primariesActive:
      cluster.ailments.red || index.copy !== null || isStarting(cluster, index) || cluster.lacksNodeOf(index) ? 0 : 1,
    aliases: [...index.aliases],
    dataStream: null,
    writeBlocked: index.writeBlocked || index.readOnly,
    following: index.following !== null,
    indexingComplete: index.indexingComplete,
    searchableSnapshot: index.searchableSnapshot,
    noCopy: isWithoutCopy(cluster, index),
    firstCopy: index.copy === null || !isCopying(index) ? null : firstCopy(index.copy),
  }));

const firstCopy = ({ kilobytesDone, kilobytesTotal, startedMs, error }: FirstCopy): IndexState["firstCopy"] => ({
  state: error === null ? "running" : "failed",
  bytesDone: kilobytesDone * 1_000,
  bytesTotal: kilobytesDone === 0 ? null : kilobytesTotal * 1_000,
  startedAtMs: WALL_START_MS + startedMs,
  error,
});

export const uuidsOf = ({ indices }: SimCluster, names: readonly string[]): ReadonlyMap<string, string> =>
  new Map([...indices].filter(([name]) => names.includes(name)).map(([name, { uuid }]) => [name, uuid]));

/** A shard without a primary gives none. */
export function checkpointsOf(cluster: SimCluster, names: readonly string[]): readonly ShardCheckpoint[] {
  return names.flatMap((name) => {
    const index = cluster.existing(name);
    const last = index.operations.length - 1;
    return index.copy === null && !cluster.lacksNodeOf(index)
      ? [{ index: name, shard: 0, globalCheckpoint: last, maxSeqNo: last }]
      : [];
  });
}

export const followers = ({ indices, world }: SimCluster): readonly Follower[] =>
  [...indices.values()].flatMap(({ name, following, operations }) => {
    if (following === null) return [];
    const { remote, leaderIndex, leaderUuid, status, leaderCheckpoint, lastReadMs, readError, fatal } = following;
    const shard = {
      shard: 0,
      followerCheckpoint: operations.length - 1,
      leaderCheckpointLastKnown: Math.max(leaderCheckpoint, operations.length - 1),
      millisSinceLastRead: world.nowMs - lastReadMs,
      failedWrites: following.failedWrites,
      reads: following.reads,
      failedReads: following.failedReads,
      readErrors: readError === null ? [] : [readError],
      fatalError: fatal,
    };
    return [
      {
        index: name,
        leaderIndex,
        leaderUuid,
        remoteCluster: remote,
        status,
        shards: status === "paused" ? [] : [shard],
      },
    ];
  });

export const unreachable = (error: string): ClusterProbe => ({ reachable: false, kind: "unreachable", error });

export function probeAnswer(cluster: SimCluster): ClusterProbe {
  const { noMaster, red, nodeAway, refusesPassword } = cluster.ailments;
  if (!cluster.isUp()) return unreachable("connection reset");
  if (refusesPassword) return { reachable: false, kind: "unauthorized", error: "unable to authenticate user" };
  const indices = [...cluster.indices.values()];
  const copying = indices.filter(isCopying).map(({ name }) => name);
  const lacking = indices.filter(
    (index) => isStarting(cluster, index) || cluster.lacksNodeOf(index) || (index.copy !== null && !isCopying(index)),
  );
  const redIndices = red ? ["logs-1"] : lacking.map(({ name }) => name);
  return {
    reachable: true,
    clusterUuid: cluster.uuid,
    version: cluster.version,
    master: noMaster ? null : "node-1",
    status: redIndices.length > 0 ? "red" : copying.length > 0 ? "yellow" : "green",
    redIndices,
    copyingIndices: copying.filter((name) => !redIndices.includes(name)),
    managedIndices: cluster.indices.size,
    clusterBlocks: [],
    floodedIndices: [],
    licenceLapsed: cluster.ailments.licenceLost,
    nodes: nodeAway ? NODES - 1 : NODES,
  };
}
