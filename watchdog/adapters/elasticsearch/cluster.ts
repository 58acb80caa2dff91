import type { RegionName } from "../../config/address.ts";
import type { Cluster } from "../../core/ports/cluster.ts";
import type { DefinitionKind } from "../../core/state/cluster.ts";
import { isManaged, type ManagedPatterns } from "../../core/state/patterns.ts";
import { readCheckpoints } from "./checkpoints.ts";
import { deleteDataStream, promoteDataStream, readDataStreams, rolloverDataStream } from "./data-streams.ts";
import { putDefinition, readDefinitions } from "./definitions.ts";
import { FollowerReader } from "./followers.ts";
import { forgetFollower, readClusterName } from "./forget-follower.ts";
import { closeIndices, deleteIndices, openIndices, readUuids, resumeIndexing } from "./index-changes.ts";
import { readIndices } from "./index-states.ts";
import type { NodesOptions } from "./node-client.ts";
import { RegionNodes } from "./nodes.ts";
import { probeCluster } from "./probe.ts";
import { readReadiness } from "./readiness.ts";
import { RemoteAliases } from "./remote-aliases.ts";
import {
  commandAutoFollow,
  follow,
  pauseFollow,
  putAutoFollow,
  readAutoFollowPatterns,
  resumeFollow,
  unfollow,
} from "./replication.ts";
import { readSnapshotState } from "./snapshots.ts";
import { readUnmatchedIndices } from "./unmatched-indices.ts";
import { setWriteIndex } from "./write-alias.ts";
import { blockBackingIndices, liftFollowerBlocks, setWriteBlock } from "./write-blocks.ts";
import { probeWrite } from "./write-probe.ts";

export interface ElasticsearchClusterOptions extends NodesOptions {
  readonly managed: ManagedPatterns;
  /** By region, the name under which the other region's cluster knows it. Default: the region's name. */
  readonly remoteAliases?: Readonly<Record<RegionName, string>>;
  /** A probe that takes longer has failed, milliseconds. */
  readonly probeTimeoutMs: number;
  /** Bound on one unfollow, milliseconds: it asks the lost leader to drop its retention leases. */
  readonly unfollowTimeoutMs: number;
  /** Called once per kind of definition that this cluster has no module for. */
  readonly unavailable?: (region: RegionName, kind: DefinitionKind) => void;
}

export interface ElasticsearchCluster extends Cluster {
  /** Ends the connections. */
  close(): Promise<void>;
}

/** One region's Elasticsearch cluster over its REST API. */
export function createElasticsearchCluster(options: ElasticsearchClusterOptions): ElasticsearchCluster {
  const nodes = new RegionNodes(options);
  const { managed } = options;
  const aliases = new RemoteAliases(options.region, options.remoteAliases ?? {});
  const followerReader = new FollowerReader(nodes, managed, aliases);
  const reported = new Set<DefinitionKind>();
  const unavailable = (kind: DefinitionKind): void => {
    if (reported.has(kind)) return;
    reported.add(kind);
    options.unavailable?.(options.region, kind);
  };
  return {
    region: options.region,
    probe: () => probeCluster(nodes, managed, options.probeTimeoutMs),
    readiness: (remote, options) => readReadiness(nodes, aliases.aliasOf(remote), options?.reconnect === true),
    snapshots: () => readSnapshotState(nodes),

    indices: () => readIndices(nodes, managed),
    unmatchedIndices: () => readUnmatchedIndices(nodes, managed),
    checkpoints: (indices) => readCheckpoints(nodes, managed, indices),
    followers: () => followerReader.read(),

    autoFollowPatterns: () => readAutoFollowPatterns(nodes, aliases),
    putAutoFollow: (pattern) => putAutoFollow(nodes, pattern, aliases),
    pauseAutoFollow: (name) => commandAutoFollow(nodes, "pauseAutoFollowPattern", name),
    resumeAutoFollow: (name) => commandAutoFollow(nodes, "resumeAutoFollowPattern", name),
    deleteAutoFollow: (name) => commandAutoFollow(nodes, "deleteAutoFollowPattern", name),

    follow: (index, { remoteCluster, index: leader }) => follow(nodes, index, aliases.aliasOf(remoteCluster), leader),
    clusterName: () => readClusterName(nodes),
    forgetFollower: (leaderIndex, follower) => forgetFollower(nodes, leaderIndex, follower, aliases),
    pauseFollow: (index) => pauseFollow(nodes, index),
    resumeFollow: (index) => resumeFollow(nodes, index),
    unfollow: (index, signal) => unfollow(nodes, index, options.unfollowTimeoutMs, signal),
    closeIndices: (indices) => closeIndices(nodes, indices),
    openIndices: (indices) => openIndices(nodes, indices),
    setWriteBlock: (indices, blocked) => setWriteBlock(nodes, indices, blocked),
    blockBackingIndices: (indices) => blockBackingIndices(nodes, indices),
    liftFollowerBlocks: (indices) => liftFollowerBlocks(nodes, indices),
    uuids: (indices) => readUuids(nodes, indices),
    deleteIndices: (indices) => deleteIndices(nodes, indices),

    setWriteIndex: (alias, index) => setWriteIndex(nodes, alias, index),
    resumeIndexing: (index) => resumeIndexing(nodes, index),
    dataStreams: async () => (await readDataStreams(nodes)).filter(({ name }) => isManaged(managed, name)),
    promoteDataStream: (name) => promoteDataStream(nodes, name),
    rolloverDataStream: (name) => rolloverDataStream(nodes, name),
    deleteDataStream: (name) => deleteDataStream(nodes, name),

    probeWrite: (index) => probeWrite(nodes, index),

    definitions: (kinds) => readDefinitions(nodes, kinds, unavailable),
    putDefinition: (definition) => putDefinition(nodes, definition),
    close: () => nodes.close(),
  };
}
