import { basicAuthorization } from "../../watchdog/adapters/elasticsearch/authorizations.ts";
import {
  closedBackend,
  isOpen,
  regionBackend,
  routeRules,
  ticketRules,
  writeRule,
} from "../../watchdog/adapters/haproxy/rules.ts";
import { hostsOf, type RegionPlan, type Topology } from "../topology/model.ts";
import { ports } from "../topology/ports.ts";

/** haproxy.cfg: the same on every HAProxy host. The routing ticket, not this file, decides to which region it routes. */

export const haproxyPaths = {
  config: "/etc/haproxy/haproxy.cfg",
  ca: "/etc/haproxy/ca.crt",
  entryCertificate: "/etc/haproxy/certs/entry.pem",
  adminSocket: "/run/haproxy/admin.sock",
  masterSocket: "/run/haproxy/master.sock",
  ticketMap: "/var/lib/es-failover/haproxy/ticket.map",
} as const;

/** Loopback port of HAProxy's own statistics and Prometheus metrics. */
export const statusPort = 8404;
/** There, with a virtual address: 200 while a ticket is valid, else 503. */
export const openPath = "/open";

export interface HaproxyConfigOptions {
  readonly topology: Topology;
  /** User and password of the health check. They are in the file, which only root may read. */
  readonly check: { readonly user: string; readonly password: string };
  /** Whether Prometheus reads HAProxy's metrics. */
  readonly withMetrics: boolean;
}

export function haproxyCfg({ topology, check, withMetrics }: HaproxyConfigOptions): string {
  const authorization = basicAuthorization(check.user, check.password);
  return [globalSection(), entrySection(topology.regions)]
    .concat(topology.regions.map((region) => backendOf(region, authorization)))
    .concat([closedBackend, statusSection(topology), ...(withMetrics ? [metricsSection] : [])])
    .join("\n");
}

function globalSection(): string {
  return `# Rendered by \`pulumi up\`, which overwrites changes made here.
global
  log stderr format short daemon
  user haproxy
  group haproxy
  # No maxconn: the host's limit on open files bounds the connections.
  # Workers from before a reload end after this at the latest.
  hard-stop-after 60s
  stats socket ${haproxyPaths.adminSocket} mode 660 level admin group es-failover
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
  ssl-default-server-options ssl-min-ver TLSv1.2

defaults
  mode http
  log global
  option httplog
  option dontlog-normal
  option redispatch 1
  retries 2
  timeout connect 2s
  timeout check 2s
  timeout queue 5s
  timeout http-request 10s
  timeout http-keep-alive 60s
  timeout client 60s
  # Bounds what can still reach a region after its ticket has ended: a request that was already forwarded.
  timeout server 60s
`;
}

function entrySection(regions: readonly RegionPlan[]): string {
  const names = namesOf(regions);
  return `frontend entry
  bind :${ports.entry} ssl crt ${haproxyPaths.entryCertificate} alpn h2,http/1.1
  # The routing ticket: the map holds, per region, the time (ms since 1970) until which requests may go there. The
  # watchdog renews it. HAProxy compares it with the clock on each request, so a router stops routing by itself when its
  # watchdog is dead or frozen, or after it was frozen itself. left_…: milliseconds until a region's ticket ends.
${indented([...ticketRules(names, haproxyPaths.ticketMap), writeRule, ...routeRules(names)])}`;
}

const namesOf = (regions: readonly RegionPlan[]): readonly string[] => regions.map(({ name }) => name);

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}\n`).join("");

function backendOf(region: RegionPlan, authorization: string): string {
  const servers = hostsOf(region, "elasticsearch").map(({ name, privateIp }) => ({
    name,
    address: `${privateIp}:${ports.elasticsearchHttp}`,
    certificateName: name,
  }));
  return regionBackend({ region: region.name, servers, authorization, caFile: haproxyPaths.ca });
}

function statusSection({ regions }: Topology): string {
  const hasVirtualAddress = regions.some(({ virtualAddress }) => virtualAddress !== null);
  return `frontend status
  bind 127.0.0.1:${statusPort}
  http-request use-service prometheus-exporter if { path /metrics }
${hasVirtualAddress ? openRules(namesOf(regions)) : ""}  stats enable
  stats uri /
`;
}

/** What keepalived asks on each host, twice a second, to choose the one that holds the virtual address. */
function openRules(regions: readonly string[]): string {
  const open = regions.map((name) => `  http-request return status 200 if { path ${openPath} } ${isOpen(name)}\n`);
  const silent = `  http-request set-log-level silent if { path ${openPath} }\n`;
  return `${silent}${indented(ticketRules(regions, haproxyPaths.ticketMap))}${open.join("")}  http-request return status 503 if { path ${openPath} }\n`;
}

/** Clients need a certificate of the deployment. */
const metricsSection = `frontend metrics
  bind :${ports.haproxyMetrics} ssl crt ${haproxyPaths.entryCertificate} verify required ca-file ${haproxyPaths.ca}
  http-request use-service prometheus-exporter if { path /metrics }
  http-request deny deny_status 404
`;

/** /etc/default/haproxy: the master's command line, with the socket on which the watchdog requests a reload. */
export const haproxyDefaults = `# Rendered by \`pulumi up\`.
EXTRAOPTS="-S ${haproxyPaths.masterSocket},mode,660,group,es-failover"
`;
