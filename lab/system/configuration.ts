import type { z } from "zod";
import type { monitoringSchema } from "../../infra/config/monitoring.ts";
import type { Addresses } from "../../watchdog/config/address.ts";
import type { WatchdogConfigInput } from "../../watchdog/config/schema.ts";
import type { RemoteClusterSecurity } from "../../watchdog/config/sections.ts";
import type { StackConfiguration } from "../cloud/project.ts";
import type { AptRepository } from "../elasticsearch/package/repository.ts";
import { elasticsearchVersion } from "../elasticsearch/version.ts";
import { controllerSubnet, labAptRepositoryUrl } from "../hosts/addressing.ts";

/** The lab's three sites, which are also its stacks. */
export const stacks = ["gra", "bhs", "witness"] as const;
export type Stack = (typeof stacks)[number];

/** The sites with Elasticsearch. */
export const regions = ["gra", "bhs"] as const;
export type Region = (typeof regions)[number];

/** In each region. The machine's inotify instances suffice for about ten hosts, including the witness. */
const hostsPerRegion = { elasticsearchNodes: 3, haproxyNodes: 1 } as const;

/** Small enough for six nodes on one machine. */
const defaultHeap = "256m";

/** Settings of a stack of the lab. */
export interface StackSettings {
  /** Java heap of each Elasticsearch node of the region, such as "256m". */
  readonly heap?: string;
  /** Elasticsearch nodes of gra; default: 3. A lab has room for one more. */
  readonly nodesOfGra?: number;
  /** The node of this stack that is emptied. */
  readonly drain?: string;
  /** Size of each data volume: a sparse file, of which a file system of 8 GB takes 0.1 GB. */
  readonly dataVolumeGb?: number;
  /** The watchdog's health checks; default: its fast profile. */
  readonly checks?: WatchdogConfigInput["checks"];
  /** Addresses that the endpoint services on the HAProxy hosts publish per active region; default: no services. */
  readonly endpointAddresses?: Addresses;
  /** How the regions' clusters trust each other; default: by certificates. */
  readonly remoteClusterSecurity?: RemoteClusterSecurity;
  /** The watchdogs' status page; default: none. */
  readonly page?: { readonly authentication: "proxy" };
  /** Prometheus on the witness and exporters on every host; default: none. */
  readonly monitoring?: MonitoringSettings;
}

export interface MonitoringSettings {
  readonly section: NonNullable<z.input<typeof monitoringSchema>>;
  readonly deadMansSwitchUrl: string;
  readonly alertsUrl: string;
}

/** Configuration of a lab's stack on top of the users' project file: addresses and sizes for one machine. */
export function stackConfiguration(
  stack: Stack,
  repository: AptRepository,
  settings: StackSettings = {},
): StackConfiguration {
  const { heap = defaultHeap, dataVolumeGb = 2, checks = { profile: "fast" } } = settings;
  const { endpointAddresses, remoteClusterSecurity = "certificate", page, monitoring } = settings;
  const { nodesOfGra = hostsPerRegion.elasticsearchNodes, drain } = settings;
  return {
    "es-failover:region": stack,
    "es-failover:serviceName": "00000000000000000000000000001ab0",
    "es-failover:regions": {
      gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", ...hostsPerRegion, elasticsearchNodes: nodesOfGra },
      bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", ...hostsPerRegion },
    },
    "es-failover:witness": { ovhRegion: "DE1", cidr: "192.168.3.0/24" },
    "es-failover:adminCidrs": [controllerSubnet],
    "es-failover:clientCidrs": [controllerSubnet],
    "es-failover:dataVolume": { sizeGb: dataVolumeGb, type: "CLASSIC" },
    "es-failover:elasticsearch": {
      version: elasticsearchVersion,
      licence: "trial",
      heap,
      packageSource: {
        url: labAptRepositoryUrl.replace(/\/$/, ""),
        suite: repository.suite,
        component: repository.component,
        signingKeyUrl: `${labAptRepositoryUrl}lab.asc`,
        signingKeyFingerprint: repository.signingKeyFingerprint,
      },
    },
    "es-failover:checks": checks,
    "es-failover:remoteClusterSecurity": remoteClusterSecurity,
    ...(endpointAddresses === undefined ? {} : { "es-failover:endpointAddresses": endpointAddresses }),
    ...(drain === undefined ? {} : { "es-failover:drain": drain }),
    ...(page === undefined ? {} : { "es-failover:page": page }),
    ...(monitoring === undefined
      ? {}
      : {
          "es-failover:monitoring": monitoring.section,
          "es-failover:deadMansSwitchUrl": monitoring.deadMansSwitchUrl,
          "es-failover:alertsSecret": monitoring.alertsUrl,
        }),
    "es-failover:protect": "false",
    // A lab host shares the kernel, its limits and its clock with the machine, and its packages are those of one day.
    "es-failover:fixedHostSettings": ["vm.max_map_count", "openFiles", "swap", "clock"],
    "es-failover:securityUpgrades": "none",
  };
}
