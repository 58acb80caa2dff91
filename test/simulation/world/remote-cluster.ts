import { type Cluster, ClusterError } from "../../../watchdog/core/ports/cluster.ts";
import type { ClusterProbe } from "../../../watchdog/core/state/cluster.ts";
import type { ClusterLimits } from "./cluster/port.ts";
import type { Region, Site } from "./layout.ts";
import type { Network } from "./network.ts";
import type { Process } from "./process.ts";

export interface RemoteClusterOptions {
  readonly cluster: Cluster;
  readonly region: Region;
  readonly network: Network;
  readonly process: Process;
  /** Where the process runs. */
  readonly from: Site;
  readonly limits: ClusterLimits;
}

/** A cluster as a process at some site calls it, through the network. */
export function throughNetwork({ cluster, region, network, process, from, limits }: RemoteClusterOptions): Cluster {
  const failure = () => new ClusterError(region, "timeout", `${region}: no answer in time`);
  const within =
    (timeoutMs: number) =>
    <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      network.call(process, { from, to: region, timeoutMs, failure }, () => method(...args));
  const ask = within(limits.requestTimeoutMs);
  const unreached: ClusterProbe = { reachable: false, kind: "timeout", error: "no answer in time" };
  const probe = within(limits.probeTimeoutMs)(cluster.probe);
  return {
    region,
    probe: () => probe().catch(() => unreached),
    readiness: ask(cluster.readiness),
    snapshots: ask(cluster.snapshots),
    indices: ask(cluster.indices),
    unmatchedIndices: ask(cluster.unmatchedIndices),
    checkpoints: ask(cluster.checkpoints),
    followers: ask(cluster.followers),
    autoFollowPatterns: ask(cluster.autoFollowPatterns),
    putAutoFollow: ask(cluster.putAutoFollow),
    pauseAutoFollow: ask(cluster.pauseAutoFollow),
    resumeAutoFollow: ask(cluster.resumeAutoFollow),
    deleteAutoFollow: ask(cluster.deleteAutoFollow),
    follow: ask(cluster.follow),
    clusterName: ask(cluster.clusterName),
    forgetFollower: ask(cluster.forgetFollower),
    pauseFollow: ask(cluster.pauseFollow),
    resumeFollow: ask(cluster.resumeFollow),
    unfollow: within(limits.unfollowTimeoutMs)(cluster.unfollow),
    closeIndices: ask(cluster.closeIndices),
    openIndices: ask(cluster.openIndices),
    setWriteBlock: ask(cluster.setWriteBlock),
    blockBackingIndices: ask(cluster.blockBackingIndices),
    liftFollowerBlocks: ask(cluster.liftFollowerBlocks),
    uuids: ask(cluster.uuids),
    deleteIndices: ask(cluster.deleteIndices),
    setWriteIndex: ask(cluster.setWriteIndex),
    resumeIndexing: ask(cluster.resumeIndexing),
    dataStreams: ask(cluster.dataStreams),
    promoteDataStream: ask(cluster.promoteDataStream),
    rolloverDataStream: ask(cluster.rolloverDataStream),
    deleteDataStream: ask(cluster.deleteDataStream),
    probeWrite: ask(cluster.probeWrite),
    definitions: ask(cluster.definitions),
    putDefinition: ask(cluster.putDefinition),
  };
}
