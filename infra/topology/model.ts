import type { StackConfig } from "../config/schema.ts";

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
  /** Without one it is reached by its private address alone, and reaches the internet by its site's gateway. */
  readonly hasPublicAddress: boolean;
}

/** OVHcloud's sizes of a gateway. */
export type GatewayModel = StackConfig["regions"][string]["gatewayModel"];

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
  /** Address of the network's gateway, which DHCP offers whether there is one or not. */
  readonly gatewayIp: string;
  /** Model of the gateway; null: there is none, as each host has a public address. */
  readonly gatewayModel: GatewayModel | null;
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

/** The gateway by which a host reaches the internet; null where it has a public address. */
export function gatewayOf(topology: Topology, { region, hasPublicAddress }: Host): string | null {
  return hasPublicAddress ? null : regionPlan(topology, region).gatewayIp;
}
