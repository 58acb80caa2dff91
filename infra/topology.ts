import { witnessName } from "../watchdog/config/address.ts";
import { PAGE_PORT } from "../watchdog/config/page.ts";
import { maxHostsPerRole, type StackConfig } from "./config/schema.ts";
import { formatIpv4, parseCidr } from "./ipv4.ts";

/**
 * The plan of all sites: hosts with their pinned addresses, and every flow that may pass between them. It follows from
 * the configuration only, so that each site's stack knows the addresses of the others without their outputs.
 */

export type Role = "elasticsearch" | "haproxy" | "witness";

/** Security groups: one per role, and one for the hosts that also have a member of etcd. */
export type FirewallGroup = Role | "etcd";

export interface Host {
  /** Stable name such as gra-es-1 or witness-1, also in certificates and in HAProxy. */
  readonly name: string;
  readonly role: Role;
  /** Its region, or `witness`. */
  readonly region: string;
  /** Position among the region's hosts of its role, from 1. */
  readonly index: number;
  readonly zone: string;
  readonly privateIp: string;
}

/** A region, or the witness. */
export interface RegionPlan {
  readonly name: string;
  readonly ovhRegion: string;
  readonly zones: readonly string[];
  readonly availabilityZones: boolean;
  /** The region's part of the private network. */
  readonly cidr: string;
  /** Addresses of the network's DHCP service. No host is pinned to one of them. */
  readonly allocationPool: { readonly start: string; readonly end: string };
  /** The entry's address that one of the region's HAProxy hosts holds; null: each has its own alone. */
  readonly virtualAddress: string | null;
  readonly hosts: readonly Host[];
}

/** One inbound flow that a host accepts. Everything else is dropped. */
export interface IngressRule {
  readonly protocol: "tcp" | "icmp" | "vrrp";
  /** Destination port; absent for icmp and vrrp. */
  readonly port?: number;
  /** Network of the senders. */
  readonly source: string;
  readonly why: string;
  /** The site whose hosts alone accept it. Default: those of all sites. */
  readonly site?: string;
}

export interface Topology {
  /** The two regions that hold data. */
  readonly regions: readonly RegionPlan[];
  /** The third site, if there is one. */
  readonly witness: RegionPlan | null;
  /** Hosts of all sites. */
  readonly hosts: readonly Host[];
  /** Hosts with a watchdog: every HAProxy host and the witness. */
  readonly watchdogs: readonly Host[];
  /** Hosts with a member of etcd: the first HAProxy host of each region and the witness. None without a witness. */
  readonly etcdMembers: readonly Host[];
  /** Flows that hosts of a group accept, the same at every site unless they name one; `ingressOf` chooses. */
  readonly ingress: Readonly<Record<FirewallGroup, readonly IngressRule[]>>;
}

export const ports = {
  ssh: 22,
  /** Elasticsearch's HTTP interface. */
  elasticsearchHttp: 9200,
  /** Elasticsearch's transport: within a region, and between the regions for replication unless API keys secure that. */
  elasticsearchTransport: 9300,
  /** Where an Elasticsearch node accepts the other region's cluster with an API key. */
  remoteCluster: 9443,
  /** The entry for applications, on the HAProxy hosts. */
  entry: 9200,
  /** etcd's interface for clients: the watchdogs, and members that check whether a cluster exists. */
  etcdClient: 2379,
  /** Between the members of etcd. */
  etcdPeer: 2380,
  /** Where members of etcd that wait to found a cluster tell each other so. */
  etcdFounder: 2378,
  /** Where watchdogs ask each other for failsafe grants while etcd is unavailable. */
  failsafe: 9443,
  /** The endpoint service for applications, on the HAProxy hosts. */
  endpoint: 9201,
  /** Metrics of the watchdogs, for Prometheus. */
  metrics: 9444,
  /** Status page of the watchdogs, for people. */
  page: PAGE_PORT,
  /** Metrics of every host, by the node exporter. */
  nodeExporter: 9100,
  /** Metrics of an Elasticsearch node, by the exporter beside it. */
  elasticsearchExporter: 9114,
  /** Metrics of HAProxy, by its own exporter. */
  haproxyMetrics: 8405,
  /** Metrics of a member of etcd, apart from its interface for clients. */
  etcdMetrics: 2381,
} as const;

/** What Prometheus on the witness alone may read, by the hosts that have it. */
export const exporterPorts = {
  elasticsearch: [ports.nodeExporter, ports.elasticsearchExporter],
  haproxy: [ports.nodeExporter, ports.haproxyMetrics],
  witness: [ports.nodeExporter],
  etcd: [ports.etcdMetrics],
} as const satisfies Readonly<Record<FirewallGroup, readonly number[]>>;

const roles: Readonly<Record<Role, { readonly short: string; readonly firstOffset: number }>> = {
  elasticsearch: { short: "es", firstOffset: 11 },
  haproxy: { short: "haproxy", firstOffset: 101 },
  // The site's name is the role's: witness-1.
  witness: { short: "", firstOffset: 11 },
};

/** Offsets of the DHCP service's addresses in each site's network, above every pinned address. */
const poolOffsets = { first: 201, last: 250 } as const;

/** What the addresses of a region's network are for, by their offsets. A virtual address is none of them. */
export const plannedOffsets = [
  { what: "the network itself", first: 0, last: 0 },
  ...(["elasticsearch", "haproxy"] as const).map((role) => ({
    what: role === "haproxy" ? "HAProxy hosts" : "Elasticsearch nodes",
    first: roles[role].firstOffset,
    last: roles[role].firstOffset + maxHostsPerRole - 1,
  })),
  { what: "the DHCP service", ...poolOffsets },
  { what: "broadcasts", first: 255, last: 255 },
];

type PlannedConfig = Pick<StackConfig, "regions" | "witness" | "network" | "adminCidrs" | "clientCidrs"> &
  Partial<Pick<StackConfig, "endpointAddresses" | "scraperCidrs" | "page" | "monitoring" | "remoteClusterSecurity">>;
type Site = Pick<RegionPlan, "name" | "ovhRegion" | "cidr" | "zones" | "availabilityZones"> & {
  readonly virtualAddress?: string;
};

/** Plans every site. A host's name, zone and address depend on its own position alone, never on how many there are. */
export function planTopology(config: PlannedConfig): Topology {
  const regions = Object.entries(config.regions).map(([name, region]) =>
    planSite({ name, ...region }, { elasticsearch: region.elasticsearchNodes, haproxy: region.haproxyNodes }),
  );
  const witness =
    config.witness === null
      ? null
      : planSite({ name: witnessName, ...config.witness, zones: ["z1"], availabilityZones: false }, { witness: 1 });
  const hosts = [...regions, ...(witness === null ? [] : [witness])].flatMap((site) => site.hosts);
  const watchdogs = hosts.filter(({ role }) => role !== "elasticsearch");
  const etcdMembers = witness === null ? [] : watchdogs.filter(({ index }) => index === 1);
  const ingress = planIngress(config, { regions, hosts, etcdMembers });
  return { regions, witness, hosts, watchdogs, etcdMembers, ingress };
}

function planSite(site: Site, counts: Partial<Readonly<Record<Role, number>>>): RegionPlan {
  const { name, ovhRegion, cidr, zones, availabilityZones, virtualAddress = null } = site;
  const network = parseCidr(cidr);
  if (network === undefined) throw new Error(`${name}: ${cidr} is not a network`);
  const host = (role: Role, index: number): Host => ({
    name: [name, roles[role].short, index].filter((part) => part !== "").join("-"),
    role,
    region: name,
    index,
    zone: zoneOf(zones, index),
    privateIp: formatIpv4(network.first + roles[role].firstOffset + index - 1),
  });
  return {
    name,
    ovhRegion,
    zones,
    availabilityZones,
    cidr,
    allocationPool: {
      start: formatIpv4(network.first + poolOffsets.first),
      end: formatIpv4(network.first + poolOffsets.last),
    },
    virtualAddress,
    hosts: rolesOf(counts).flatMap(([role, count]) => positions(count).map((index) => host(role, index))),
  };
}

function rolesOf(counts: Partial<Readonly<Record<Role, number>>>): [Role, number][] {
  return (["elasticsearch", "haproxy", "witness"] as const).map((role) => [role, counts[role] ?? 0]);
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

function planIngress(
  config: PlannedConfig,
  { regions, hosts, etcdMembers }: Pick<Topology, "regions" | "hosts" | "etcdMembers">,
): Topology["ingress"] {
  const addresses = (chosen: readonly Host[]) => chosen.map((host) => `${host.privateIp}/32`);
  const ofRole = (...wanted: readonly Role[]) => addresses(hosts.filter((host) => wanted.includes(host.role)));
  const tcp = (port: number, sources: readonly string[], why: string): IngressRule[] =>
    [...new Set(sources)].map((source) => ({ protocol: "tcp", port, source, why }));
  const watchdogs = ofRole("haproxy", "witness");
  const administration: IngressRule[] = [
    ...tcp(ports.ssh, config.adminCidrs, "SSH for administrators and provisioning"),
    ...[...new Set([...config.adminCidrs, config.network.cidr])].map(
      (source): IngressRule => ({ protocol: "icmp", source, why: "Reachability and path MTU" }),
    ),
  ];
  // A single watchdog has no other to ask.
  const failsafe = config.witness === null ? [] : tcp(ports.failsafe, watchdogs, "Watchdogs, when etcd is gone");
  const clients = [config.network.cidr, ...config.clientCidrs];
  const endpoint = config.endpointAddresses ? tcp(ports.endpoint, clients, "Applications ask which region serves") : [];
  const prometheus = config.monitoring ? ofRole("witness") : [];
  const metrics = tcp(ports.metrics, [...(config.scraperCidrs ?? []), ...prometheus], "Prometheus reads the watchdog");
  const exporters = (group: FirewallGroup) =>
    exporterPorts[group].flatMap((port) => tcp(port, prometheus, "Prometheus reads the exporter"));
  const page = tcp(ports.page, config.page?.cidrs ?? [], "Operators read the status page");
  return {
    elasticsearch: [
      ...administration,
      ...tcp(ports.elasticsearchHttp, watchdogs, "Requests, health checks and watchdogs"),
      ...betweenNodes(config, hosts),
      ...exporters("elasticsearch"),
    ],
    haproxy: [
      ...administration,
      ...tcp(ports.entry, clients, "The entry for applications"),
      ...endpoint,
      ...failsafe,
      ...metrics,
      ...page,
      ...regions.flatMap(virtualAddressFlows),
      ...exporters("haproxy"),
    ],
    witness: [...administration, ...failsafe, ...metrics, ...page, ...exporters("witness")],
    etcd: [
      ...tcp(ports.etcdClient, watchdogs, "The watchdogs' store"),
      ...tcp(ports.etcdPeer, addresses(etcdMembers), "Members of etcd"),
      ...tcp(ports.etcdFounder, addresses(etcdMembers), "Members of etcd, before they found a cluster"),
      ...exporters("etcd"),
    ],
  };
}

/** The HAProxy hosts of a region agree which of them holds its virtual address. */
function virtualAddressFlows(region: RegionPlan): IngressRule[] {
  if (region.virtualAddress === null) return [];
  return hostsOf(region, "haproxy").map(({ privateIp }) => ({
    protocol: "vrrp",
    source: `${privateIp}/32`,
    why: "HAProxy hosts, for the virtual address",
    site: region.name,
  }));
}

/** With API keys no node's transport is open to the other region, and the port for that to nothing but its nodes. */
function betweenNodes({ remoteClusterSecurity, regions }: PlannedConfig, hosts: readonly Host[]): IngressRule[] {
  const nodes = hosts.filter(({ role }) => role === "elasticsearch");
  const rule = (port: number, { privateIp }: Host, why: string): IngressRule => ({
    protocol: "tcp",
    port,
    source: `${privateIp}/32`,
    why,
  });
  if (remoteClusterSecurity !== "api_key") {
    return nodes.map((node) => rule(ports.elasticsearchTransport, node, "Nodes of the cluster, and replication"));
  }
  return Object.keys(regions).flatMap((site) =>
    nodes.map((node) =>
      node.region === site
        ? { ...rule(ports.elasticsearchTransport, node, "Nodes of the cluster"), site }
        : { ...rule(ports.remoteCluster, node, "Replication to the other region"), site },
    ),
  );
}

/** Flows that the hosts of a group accept at one site. */
export function ingressOf({ ingress }: Topology, site: string, group: FirewallGroup): readonly IngressRule[] {
  return ingress[group].filter((rule) => rule.site === undefined || rule.site === site);
}

/** The plan of one region, or of the witness. */
export function regionPlan(topology: Topology, name: string): RegionPlan {
  const sites = [...topology.regions, ...(topology.witness === null ? [] : [topology.witness])];
  const region = sites.find((candidate) => candidate.name === name);
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

/** The security groups that a host is in. */
export function firewallGroupsOf(topology: Topology, host: Host): readonly FirewallGroup[] {
  const isMember = topology.etcdMembers.some(({ name }) => name === host.name);
  return isMember ? [host.role, "etcd"] : [host.role];
}

/** The virtual address that a host may hold, if its region has one. */
export function virtualAddressOf(topology: Topology, { role, region }: Host): readonly string[] {
  const { virtualAddress } = regionPlan(topology, region);
  return role === "haproxy" && virtualAddress !== null ? [virtualAddress] : [];
}
