import { users } from "../../watchdog/config/roles.ts";
import { type WatchdogConfigInput, watchdogConfigSchema } from "../../watchdog/config/schema.ts";
import { notificationSecretsDirectory } from "../config/contradictions.ts";
import type { StackConfig } from "../config/schema.ts";
import { etcdEndpoints, etcdUser } from "../etcd/etcd-files.ts";
import { haproxyPaths } from "../haproxy/haproxy-cfg.ts";
import { type Host, hostsOf, type RegionPlan, type Topology } from "../topology/model.ts";
import { ports } from "../topology/ports.ts";

export const watchdogPaths = {
  config: "/etc/es-failover/watchdog.json",
  ca: "/etc/es-failover/ca.crt",
  /** Shown to etcd and to the other watchdogs, as a client and as a server. */
  certificate: "/etc/es-failover/secrets/watchdog.crt",
  key: "/etc/es-failover/secrets/watchdog.key",
  password: "/etc/es-failover/secrets/elasticsearch-password",
  etcdPassword: "/etc/es-failover/secrets/etcd-password",
  /** Of the canaries' user. */
  canaryPassword: "/etc/es-failover/secrets/canary-password",
  /** Of the status page's user. */
  pagePassword: "/etc/es-failover/secrets/page-password",
  /** Of the certificates that browsers show to the status page. */
  pageClientCa: "/etc/es-failover/page-client-ca.crt",
  /** Secrets of the targets of notifications, by their names in the stack. */
  notifications: notificationSecretsDirectory,
  state: "/var/lib/es-failover/state",
} as const;

export interface WatchdogConfigOptions {
  readonly topology: Topology;
  readonly config: Pick<
    StackConfig,
    | "firstPrimary"
    | "elasticsearch"
    | "replication"
    | "remoteClusterSecurity"
    | "checks"
    | "canary"
    | "promotion"
    | "switchover"
    | "rejoin"
    | "salvage"
    | "failback"
    | "hooks"
    | "store"
    | "failsafe"
    | "leases"
    | "endpointAddresses"
    | "scraperCidrs"
    | "page"
    | "monitoring"
    | "snapshots"
    | "surveys"
    | "notifications"
    | "publisher"
    | "router"
    | "logLevel"
  >;
  /** The HAProxy host, or the witness, on which the watchdog runs. */
  readonly host: Host;
}

/** /etc/es-failover/watchdog.json, checked against the watchdog's own schema before it reaches a host. */
export function watchdogJson({ topology, config, host }: WatchdogConfigOptions): string {
  const input: WatchdogConfigInput = {
    name: host.name,
    site: host.region,
    regions: Object.fromEntries(topology.regions.map((region) => [region.name, { nodes: nodeUrls(region) }])),
    firstPrimary: config.firstPrimary,
    elasticsearch: {
      username: users.watchdog.name,
      passwordFile: watchdogPaths.password,
      caFile: watchdogPaths.ca,
      requestTimeoutMs: config.elasticsearch.requestTimeoutMs,
    },
    replication: config.replication,
    remoteClusterSecurity: config.remoteClusterSecurity,
    checks: config.checks,
    canary: config.canary,
    promotion: config.promotion,
    switchover: config.switchover,
    rejoin: config.rejoin,
    salvage: config.salvage,
    failback: config.failback,
    hooks: config.hooks,
    ...sharedState(topology, host, config),
    leases: config.leases,
    ...endpointService(config, host),
    ...metricsService(config),
    ...statusPage(config),
    snapshots: config.snapshots === null ? null : { maxAgeMs: config.snapshots.maxAgeMs },
    surveys: config.surveys,
    notifications: config.notifications,
    ...(config.publisher === null ? {} : { publisher: config.publisher }),
    router: router(config, host),
    ...entry(host),
    logLevel: config.logLevel,
  };
  watchdogConfigSchema.parse(input);
  return `${JSON.stringify(input, undefined, 2)}\n`;
}

function nodeUrls(region: RegionPlan): string[] {
  return hostsOf(region, "elasticsearch").map((node) => `https://${node.privateIp}:${ports.elasticsearchHttp}`);
}

/** The witness votes and may be the controller; it has no HAProxy. */
function router({ router: tickets }: WatchdogConfigOptions["config"], host: Host): WatchdogConfigInput["router"] {
  if (host.role === "witness") return null;
  return {
    adminSocket: haproxyPaths.adminSocket,
    masterSocket: haproxyPaths.masterSocket,
    configFile: haproxyPaths.config,
    ticketMapFile: haproxyPaths.ticketMap,
    ...tickets,
  };
}

/** The entry that applications use, as HAProxy's own user: it needs nothing else of Elasticsearch than its one index. */
function entry(host: Host): Pick<WatchdogConfigInput, "entry"> {
  if (host.role !== "haproxy") return {};
  const { ca: caFile, canaryPassword: passwordFile } = watchdogPaths;
  return {
    entry: { url: `https://${host.privateIp}:${ports.entry}`, username: users.haproxyCheck.name, passwordFile, caFile },
  };
}

/** Only a watchdog beside a router knows whether a region may be named. */
function endpointService(
  { endpointAddresses }: WatchdogConfigOptions["config"],
  host: Host,
): Pick<WatchdogConfigInput, "endpoint"> {
  if (endpointAddresses === null || host.role !== "haproxy") return {};
  const { certificate: certificateFile, key: keyFile } = watchdogPaths;
  // It listens on every interface: the security groups decide which clients reach it.
  return { endpoint: { listen: `0.0.0.0:${ports.endpoint}`, certificateFile, keyFile, addresses: endpointAddresses } };
}

function metricsService({
  scraperCidrs,
  monitoring,
}: WatchdogConfigOptions["config"]): Pick<WatchdogConfigInput, "metrics"> {
  if (scraperCidrs.length === 0 && monitoring === null) return {};
  const { certificate: certificateFile, key: keyFile } = watchdogPaths;
  // It listens on every interface: the security groups decide which scrapers reach it.
  return { metrics: { listen: `0.0.0.0:${ports.metrics}`, certificateFile, keyFile } };
}

function statusPage({ page }: WatchdogConfigOptions["config"]): Pick<WatchdogConfigInput, "page"> {
  if (page === null) return {};
  const { certificate: certificateFile, key: keyFile, pageClientCa, pagePassword } = watchdogPaths;
  // It listens on every interface: the security groups decide who reaches it.
  const served = { address: "0.0.0.0", port: ports.page, certificateFile, keyFile };
  switch (page.authentication) {
    case "proxy":
      return { page: { port: ports.page, authentication: { kind: "proxy" } } };
    case "certificate":
      return { page: { ...served, authentication: { kind: "certificate", clientCaFile: pageClientCa } } };
    case "password": {
      const { username } = page;
      return { page: { ...served, authentication: { kind: "password", username, passwordFile: pagePassword } } };
    }
    default:
      return page.authentication satisfies never;
  }
}

/** Several watchdogs share their record in etcd and ask each other for failsafe grants; a single one has a file. */
function sharedState(
  topology: Topology,
  host: Host,
  { store, failsafe }: WatchdogConfigOptions["config"],
): Pick<WatchdogConfigInput, "store" | "failsafe"> {
  if (topology.etcdMembers.length === 0) return { store: { kind: "file", directory: watchdogPaths.state } };
  const tls = { caFile: watchdogPaths.ca, certificateFile: watchdogPaths.certificate, keyFile: watchdogPaths.key };
  const address = `${host.privateIp}:${ports.failsafe}`;
  return {
    store: {
      kind: "etcd",
      endpoints: etcdEndpoints(topology, host),
      ...tls,
      username: etcdUser.name,
      passwordFile: watchdogPaths.etcdPassword,
      prefix: etcdUser.prefix,
      ...store,
    },
    failsafe: { listen: address, url: `https://${address}`, ...tls, ...failsafe },
  };
}
