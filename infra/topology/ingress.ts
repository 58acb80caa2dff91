import type { StackConfig } from "../config/schema.ts";
import {
  type FirewallGroup,
  type Host,
  hostsOf,
  type IngressRule,
  type RegionPlan,
  type Role,
  type Topology,
} from "./model.ts";
import { exporterPorts, ports } from "./ports.ts";

/** The part of the configuration by which flows are planned. */
export type IngressConfig = Pick<StackConfig, "regions" | "witness" | "network" | "adminCidrs" | "clientCidrs"> &
  Partial<
    Pick<
      StackConfig,
      "bastion" | "endpointAddresses" | "scraperCidrs" | "page" | "monitoring" | "remoteClusterSecurity"
    >
  >;

/** The flows that hosts of each group accept. */
export function planIngress(
  config: IngressConfig,
  { regions, hosts, etcdMembers }: Pick<Topology, "regions" | "hosts" | "etcdMembers">,
): Topology["ingress"] {
  const addresses = (chosen: readonly Host[]) => chosen.map((host) => `${host.privateIp}/32`);
  const ofRole = (...wanted: readonly Role[]) => addresses(hosts.filter((host) => wanted.includes(host.role)));
  const tcp = (port: number, sources: readonly string[], why: string): IngressRule[] =>
    [...new Set(sources)].map((source) => ({ protocol: "tcp", port, source, why }));
  const watchdogs = ofRole("haproxy", "witness");
  const administrators = config.bastion ? [`${config.bastion.privateIp}/32`] : config.adminCidrs;
  const administration: IngressRule[] = [
    ...tcp(ports.ssh, administrators, "SSH for administrators and provisioning"),
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
function betweenNodes({ remoteClusterSecurity, regions }: IngressConfig, hosts: readonly Host[]): IngressRule[] {
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
