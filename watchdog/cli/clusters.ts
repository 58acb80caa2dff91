import { createElasticsearchCluster, type ElasticsearchCluster } from "../adapters/elasticsearch/cluster.ts";
import type { NodesOptions } from "../adapters/elasticsearch/nodes.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { DefinitionKind, RegionName } from "../core/ports.ts";

/**
 * The clusters of both regions, as the configuration names them.
 *
 * @param unavailable told once per region and kind of definition that the cluster has no module for
 */
export function connectClusters(
  loaded: LoadedConfig,
  unavailable?: (region: RegionName, kind: DefinitionKind) => void,
): Readonly<Record<RegionName, ElasticsearchCluster>> {
  const { config } = loaded;
  const connect = (region: RegionName): ElasticsearchCluster =>
    createElasticsearchCluster({
      ...nodesOf(loaded, region),
      managed: config.replication,
      probeTimeoutMs: config.checks.timeoutMs,
      unfollowTimeoutMs: config.promotion.unfollowTimeoutMs,
      ...(unavailable && { unavailable }),
    });
  return Object.fromEntries(Object.keys(config.regions).map((region) => [region, connect(region)]));
}

/** How the nodes of one region are reached. */
export function nodesOf({ config, elasticsearchPassword }: LoadedConfig, region: RegionName): NodesOptions {
  const { username, caFile, requestTimeoutMs } = config.elasticsearch;
  const nodes = config.regions[region]?.nodes;
  if (nodes === undefined) {
    throw new Error(
      `${region} is no region of the configuration: one of ${Object.keys(config.regions).join(" and ")} is`,
    );
  }
  return { region, nodes, username, password: elasticsearchPassword, caFile, requestTimeoutMs };
}
