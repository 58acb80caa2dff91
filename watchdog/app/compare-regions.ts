import { createElasticsearchSampler } from "../adapters/elasticsearch/samples.ts";
import type { RegionName } from "../config/address.ts";
import type { LoadedConfig } from "../config/load.ts";
import { type VerifyReport, verifyRegions } from "../diagnostics/verify/verify.ts";
import { connectClusters, nodesOf } from "./clusters.ts";

export interface Comparison {
  /** The active region. */
  readonly leader: RegionName;
  /** The standby. */
  readonly follower: RegionName;
  /** Documents compared per shard, at most. */
  readonly sampleSize: number;
  /** Selects the sample. */
  readonly seed: string;
}

/**
 * Connects to both regions, compares them and disconnects. Changes nothing.
 *
 * @throws ClusterError when a region cannot be read
 */
export async function compareRegions(loaded: LoadedConfig, comparison: Comparison): Promise<VerifyReport> {
  const clusters = connectClusters(loaded);
  const samplers = new Map(
    Object.keys(clusters).map((region) => [region, createElasticsearchSampler(nodesOf(loaded, region))]),
  );
  const connectionTo = (region: RegionName) => {
    const [cluster, sampler] = [clusters[region], samplers.get(region)];
    if (cluster === undefined || sampler === undefined) throw new Error(`${region} is not a configured region`);
    return { ...sampler, ...cluster };
  };
  try {
    const { leader, follower, ...sample } = comparison;
    return await verifyRegions({ leader: connectionTo(leader), follower: connectionTo(follower), ...sample });
  } finally {
    const connections = [...Object.values(clusters), ...samplers.values()];
    await Promise.all(connections.map((connection) => connection.close()));
  }
}
