import { readFileSync } from "node:fs";
import path from "node:path";
import { createElasticsearchCluster, type ElasticsearchCluster } from "../adapters/elasticsearch/cluster.ts";
import { createElasticsearchDocuments, DOCUMENT_TIMEOUT_MS } from "../adapters/elasticsearch/documents.ts";
import type { NodeAccess, NodesOptions } from "../adapters/elasticsearch/node-client.ts";
import type { RegionName } from "../config/address.ts";
import type { LoadedConfig } from "../config/load.ts";
import { type RegionAccess, regionAccess, regionAccesses, remoteAliasOf } from "../config/region-access.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { Salvage } from "../core/ports/salvage.ts";
import type { DefinitionKind } from "../core/state/cluster.ts";
import { freeBytes } from "../salvage/export/room.ts";
import type { ActivePrimary } from "../salvage/ports.ts";
import { createSalvage, salvageRoot } from "../salvage/salvage.ts";
import { copyOnMountedDisk, deviceOf, type SecondCopy } from "../salvage/second-copy.ts";
import type { Live } from "../util/live.ts";
import type { Renewals } from "./renewals.ts";
import { accessSource, nodeAccess } from "./sources.ts";

/**
 * Connects to the configured clusters of both regions.
 *
 * @param unavailable called once per region and kind of definition that the cluster has no module for
 */
export function connectClusters(
  loaded: RenewedConfig,
  unavailable?: (region: RegionName, kind: DefinitionKind) => void,
): Readonly<Record<RegionName, ElasticsearchCluster>> {
  const { config } = loaded;
  const connect = (region: RegionName): ElasticsearchCluster =>
    createElasticsearchCluster({
      ...nodesOf(loaded, region),
      remoteAliases: remoteAliasesOf(config),
      managed: config.replication,
      probeTimeoutMs: config.checks.timeoutMs,
      unfollowTimeoutMs: config.promotion.unfollowTimeoutMs,
      ...(unavailable && { unavailable }),
    });
  return Object.fromEntries(Object.keys(config.regions).map((region) => [region, connect(region)]));
}

/**
 * Connects the salvage of either region to this host's state directory. `signal` ends an export at its next page.
 *
 * @param elsewhere copies at another site; null: there are no other watchdogs
 */
export function connectSalvage(
  loaded: RenewedConfig,
  signal: AbortSignal,
  elsewhere: SecondCopy | null = null,
): SalvageConnection {
  const documents = Object.keys(loaded.config.regions).map(
    (region) =>
      [
        region,
        createElasticsearchDocuments({ ...nodesOf(loaded, region), requestTimeoutMs: DOCUMENT_TIMEOUT_MS }),
      ] as const,
  );
  const { name, stateDirectory, salvage } = loaded.config;
  const atOtherSite = salvage.secondSite === "required" ? elsewhere : null;
  // A directory for each watchdog: several may have salvaged the same region under one epoch.
  const second =
    salvage.copyTo === null ? atOtherSite : copyOnMountedDisk({ root: path.join(salvage.copyTo, name), deviceOf });
  const room = { reserveBytes: salvage.reserveBytes, freeBytes };
  const readers = Object.fromEntries(documents);
  return {
    ...createSalvage({ root: salvageRoot(stateDirectory), readers, room, second, nowMs: Date.now, signal }),
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

/** Connects to the region that a replay of salvaged operations writes to. */
export function connectActivePrimary(loaded: LoadedConfig, region: RegionName): ActivePrimaryConnection {
  const { config } = loaded;
  const nodes = nodesOf(loaded, region);
  const cluster = createElasticsearchCluster({
    ...nodes,
    remoteAliases: remoteAliasesOf(config),
    managed: config.replication,
    // A region too slow to count as healthy still takes writes, and an operator can wait.
    probeTimeoutMs: DOCUMENT_TIMEOUT_MS,
    unfollowTimeoutMs: config.promotion.unfollowTimeoutMs,
  });
  const documents = createElasticsearchDocuments({ ...nodes, requestTimeoutMs: DOCUMENT_TIMEOUT_MS });
  const close = async (): Promise<void> => {
    await Promise.all([cluster.close(), documents.close()]);
  };
  return { ...documents, region, probe: cluster.probe, close };
}

/** By region, the name under which the other one's cluster knows it. */
const remoteAliasesOf = (config: WatchdogConfig): Readonly<Record<RegionName, string>> =>
  Object.fromEntries(Object.keys(config.regions).map((region) => [region, remoteAliasOf(config, region)]));

/** A configuration whose credentials and CAs are renewed; a command, which ends soon, uses what was loaded. */
export interface RenewedConfig extends LoadedConfig {
  readonly access?: Readonly<Record<RegionName, Live<NodeAccess>>>;
}

/** What both regions' clusters are reached with, read again when the files change; files that both share, once. */
export async function renewedAccess(
  config: WatchdogConfig,
  renewals: Pick<Renewals, "add">,
): Promise<Readonly<Record<RegionName, Live<NodeAccess>>>> {
  const bySource = new Map<string, Live<NodeAccess>>();
  const access: Record<RegionName, Live<NodeAccess>> = {};
  const accesses = [...regionAccesses(config)].map(([region, found]) => ({ region, found, source: sourceKey(found) }));
  const areShared = new Set(accesses.map(({ source }) => source)).size === 1;
  for (const { region, found, source } of accesses) {
    const section = areShared ? "elasticsearch" : `regions.${region}`;
    const live = bySource.get(source) ?? (await renewals.add(accessSource(section, found)));
    bySource.set(source, live);
    access[region] = live;
  }
  return access;
}

const sourceKey = ({ credentials, ca }: RegionAccess): string => JSON.stringify([credentials, ca]);

/** The nodes of one region, with address, credentials and CA. Answers cross the ocean in gzip. */
export function nodesOf(loaded: RenewedConfig, region: RegionName): NodesOptions {
  const { config, secrets } = loaded;
  const { requestTimeoutMs } = config.elasticsearch;
  const { nodes, credentials, ca } = regionAccess(config, region);
  const compressed = region !== config.site;
  const fixed = (): NodeAccess => {
    const own = secrets[region];
    if (own === undefined) throw new Error(`the credentials of ${region} were not loaded`);
    return nodeAccess(credentials, own, ca === null ? null : readFileSync(ca.file, "utf8"));
  };
  return { region, nodes, access: loaded.access?.[region] ?? fixed(), requestTimeoutMs, compressed };
}
