import { createElasticsearchCluster, type ElasticsearchCluster } from "../adapters/elasticsearch/cluster.ts";
import { createElasticsearchDocuments, DOCUMENT_TIMEOUT_MS } from "../adapters/elasticsearch/documents.ts";
import type { NodesOptions } from "../adapters/elasticsearch/node-client.ts";
import type { RegionName } from "../config/address.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Salvage } from "../core/ports/salvage.ts";
import type { DefinitionKind } from "../core/state/cluster.ts";
import type { ActivePrimary } from "../salvage/ports.ts";
import { createSalvage, salvageRoot } from "../salvage/salvage.ts";

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

/** Salvage of either region, into the state directory of this host. `signal` ends an export at its next page. */
export function connectSalvage(loaded: LoadedConfig, signal: AbortSignal): SalvageConnection {
  const documents = Object.keys(loaded.config.regions).map(
    (region) =>
      [
        region,
        createElasticsearchDocuments({ ...nodesOf(loaded, region), requestTimeoutMs: DOCUMENT_TIMEOUT_MS }),
      ] as const,
  );
  const root = salvageRoot(loaded.config.stateDirectory);
  return {
    ...createSalvage({ root, readers: Object.fromEntries(documents), nowMs: Date.now, signal }),
    close: async () => {
      await Promise.all(documents.map(([, access]) => access.close()));
    },
  };
}

export interface SalvageConnection extends Salvage {
  close(): Promise<void>;
}

export interface ActivePrimaryConnection extends ActivePrimary {
  close(): Promise<void>;
}

/** The region that a replay of salvaged operations writes to. */
export function connectActivePrimary(loaded: LoadedConfig, region: RegionName): ActivePrimaryConnection {
  const { config } = loaded;
  const nodes = nodesOf(loaded, region);
  const cluster = createElasticsearchCluster({
    ...nodes,
    managed: config.replication,
    // A region too slow to pass as healthy can still be written to, and an operator can wait.
    probeTimeoutMs: DOCUMENT_TIMEOUT_MS,
    unfollowTimeoutMs: config.promotion.unfollowTimeoutMs,
  });
  const documents = createElasticsearchDocuments({ ...nodes, requestTimeoutMs: DOCUMENT_TIMEOUT_MS });
  const close = async (): Promise<void> => {
    await Promise.all([cluster.close(), documents.close()]);
  };
  return { ...documents, region, probe: cluster.probe, close };
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
