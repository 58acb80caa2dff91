import { formatIpv4, parseCidr } from "./addresses.ts";
import { maxHostsPerRole, type StackConfig } from "./config.ts";

/**
 * The plan of both regions: hosts with their pinned addresses, and every flow that may pass between them. It follows
 * from the configuration alone, so that each region's stack knows the other's addresses without asking for them.
 */

export type Role = "elasticsearch" | "haproxy";

export interface Host {
  /** Stable name such as gra-es-1; also the host's name in certificates and in HAProxy. */
  readonly name: string;
  readonly role: Role;
  readonly region: string;
  /** Position among the region's hosts of its role, from 1. */
  readonly index: number;
  readonly zone: string;
  readonly privateIp: string;
}

export interface RegionPlan {
  readonly name: string;
  readonly ovhRegion: string;
  readonly zones: readonly string[];
  readonly availabilityZones: boolean;
  /** The region's part of the private network. */
  readonly cidr: string;
  /** Addresses left to the network's own DHCP service; no host is pinned here. */
  readonly allocationPool: { readonly start: string; readonly end: string };
  readonly hosts: readonly Host[];
}

/** One inbound flow that a host accepts; what no rule names is dropped. */
export interface IngressRule {
  readonly protocol: "tcp" | "icmp";
  /** Destination port; absent for icmp. */
  readonly port?: number;
  /** Who may use it. */
  readonly source: string;
  readonly why: string;
}

export interface Topology {
  readonly regions: readonly RegionPlan[];
  readonly hosts: readonly Host[];
  /** Flows that hosts of a role accept; the same in both regions. */
  readonly ingress: Readonly<Record<Role, readonly IngressRule[]>>;
}

export const ports = {
  ssh: 22,
  /** Elasticsearch's HTTP interface. */
  elasticsearchHttp: 9200,
  /** Elasticsearch's transport: between the nodes of a region, and to the other region for replication. */
  elasticsearchTransport: 9300,
  /** Where applications enter, on the HAProxy hosts. */
  entry: 9200,
} as const;

const roles: Readonly<Record<Role, { readonly short: string; readonly firstOffset: number }>> = {
  elasticsearch: { short: "es", firstOffset: 11 },
  haproxy: { short: "haproxy", firstOffset: 101 },
};

/** Offsets 201 to 250 of each region's network are the DHCP service's; they lie above every pinned address. */
const poolOffsets = { first: 201, last: 250 } as const;

type PlannedConfig = Pick<StackConfig, "regions" | "network" | "adminCidrs" | "clientCidrs">;

/** Plans both regions. A host's name, zone and address depend on its own position alone, never on how many there are. */
export function planTopology(config: PlannedConfig): Topology {
  const regions = Object.entries(config.regions).map(([name, region]): RegionPlan => {
    const network = parseCidr(region.cidr);
    if (network === undefined) throw new Error(`Region ${name}: ${region.cidr} is not a network`);
    const host = (role: Role, index: number): Host => ({
      name: `${name}-${roles[role].short}-${index}`,
      role,
      region: name,
      index,
      zone: zoneOf(region.zones, index),
      privateIp: formatIpv4(network.first + roles[role].firstOffset + index - 1),
    });
    return {
      name,
      ovhRegion: region.ovhRegion,
      zones: region.zones,
      availabilityZones: region.availabilityZones,
      cidr: region.cidr,
      allocationPool: {
        start: formatIpv4(network.first + poolOffsets.first),
        end: formatIpv4(network.first + poolOffsets.last),
      },
      hosts: [
        ...positions(region.elasticsearchNodes).map((index) => host("elasticsearch", index)),
        ...positions(region.haproxyNodes).map((index) => host("haproxy", index)),
      ],
    };
  });
  const hosts = regions.flatMap((region) => region.hosts);
  return { regions, hosts, ingress: planIngress(config, hosts) };
}

function positions(count: number): number[] {
  if (count > maxHostsPerRole) throw new Error(`${count} hosts of one role do not fit; ${maxHostsPerRole} do`);
  return Array.from({ length: count }, (_, index) => index + 1);
}

function zoneOf(zones: readonly string[], index: number): string {
  const zone = zones[(index - 1) % zones.length];
  if (zone === undefined) throw new Error("A region needs at least one zone");
  return zone;
}

function planIngress(config: PlannedConfig, hosts: readonly Host[]): Topology["ingress"] {
  const addressesOf = (role: Role) => hosts.filter((host) => host.role === role).map((host) => `${host.privateIp}/32`);
  const tcp = (port: number, sources: readonly string[], why: string): IngressRule[] =>
    [...new Set(sources)].map((source) => ({ protocol: "tcp", port, source, why }));
  const administration: IngressRule[] = [
    ...tcp(ports.ssh, config.adminCidrs, "SSH for administrators and provisioning"),
    ...[...new Set([...config.adminCidrs, config.network.cidr])].map(
      (source): IngressRule => ({ protocol: "icmp", source, why: "Reachability and path MTU" }),
    ),
  ];
  return {
    elasticsearch: [
      ...administration,
      ...tcp(ports.elasticsearchHttp, addressesOf("haproxy"), "Requests, health checks and watchdogs"),
      ...tcp(ports.elasticsearchTransport, addressesOf("elasticsearch"), "Nodes of the cluster, and replication"),
    ],
    haproxy: [
      ...administration,
      ...tcp(ports.entry, [config.network.cidr, ...config.clientCidrs], "The entry for applications"),
    ],
  };
}

/** The plan of one region. */
export function regionPlan(topology: Topology, name: string): RegionPlan {
  const region = topology.regions.find((candidate) => candidate.name === name);
  if (region === undefined) throw new Error(`No region ${name} in the plan`);
  return region;
}

/** The region that is not `name`. */
export function otherRegion(topology: Topology, name: string): RegionPlan {
  const region = topology.regions.find((candidate) => candidate.name !== name);
  if (region === undefined) throw new Error(`No region besides ${name} in the plan`);
  return region;
}

export function hostsOf(region: RegionPlan, role: Role): readonly Host[] {
  return region.hosts.filter((host) => host.role === role);
}
