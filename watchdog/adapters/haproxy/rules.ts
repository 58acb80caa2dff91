import type { RegionName } from "../../config/address.ts";
import { backendOf, writeVariablesOf } from "./backend.ts";

/**
 * The lines of haproxy.cfg by which HAProxy routes to the active region and to no other, for provisioning and for
 * configurations that people write.
 */

/**
 * Rules of a frontend that set, for each region, the milliseconds that its routing ticket has left. The map holds, per region,
 * the time (ms since 1970) until which requests may go there.
 */
export function ticketRules(regions: readonly RegionName[], ticketMapFile: string): readonly string[] {
  const ofRegion = (name: RegionName) =>
    `http-request set-var(${ticketVariable(name)}) str(${name}),map_str_int(${ticketMapFile},0),sub(txn.now)`;
  return ["http-request set-var(txn.now) date(0,ms)", ...regions.map(ofRegion)];
}

/** The condition under which a request may go to a region, after `ticketRules`. */
export const isOpen = (region: RegionName): string => `{ var(${ticketVariable(region)}) -m int gt 0 }`;

/** Rules of a frontend that send each request to the region with a valid ticket, or nowhere. */
export const routeRules = (regions: readonly RegionName[]): readonly string[] => [
  ...regions.map((region) => `use_backend ${backendOf(region)} if ${isOpen(region)}`),
  `default_backend ${CLOSED_BACKEND}`,
];

/** Rule of a frontend that marks the requests which write: of their answers, the regions' backends note the times. */
export const writeRule =
  "http-request set-var(txn.writes) bool(true) if !METH_GET { path_sub /_doc /_create/ /_bulk /_update /_delete_by_query }";

/**
 * Rules of a region's backend that note when it acknowledged writes: the first one since another region had, and the last
 * one. The watchdog reads both, and learns from them how long a change kept applications from writing. Two first ones at
 * the same moment are noted one after the other, which does no harm.
 */
export function writeNotes(region: RegionName): readonly string[] {
  const { first, last } = writeVariablesOf(region);
  return [
    "acl wrote var(txn.writes) -m bool",
    "acl accepted status 200:299",
    `acl writer var(proc.es_writer) -m str ${region}`,
    `http-response set-var(${first}) date(0,ms) if wrote accepted !writer`,
    `http-response set-var(proc.es_writer) str(${region}) if wrote accepted !writer`,
    `http-response set-var(${last}) date(0,ms) if wrote accepted`,
  ];
}

/** HAProxy accepts no hyphen in the name of a variable. */
export const ticketVariable = (region: RegionName): string => `txn.left_${region.replaceAll("-", "_")}`;

export interface RegionBackend {
  readonly region: RegionName;
  readonly servers: readonly BackendServer[];
  /** Value of the header `authorization` of the health check's user. */
  readonly authorization: string;
  /** PEM file of the CA that signed the nodes' certificates; null: they are reached by plain http. */
  readonly caFile: string | null;
}

export interface BackendServer {
  readonly name: string;
  /** Address or name, and port. */
  readonly address: string;
  /** Name that its certificate has to have; null: any that the CA signed. */
  readonly certificateName: string | null;
}

/**
 * Each node is checked on its own: `local=true` asks for the node's own view, so that a slow master marks no node down, and
 * a lost index is no reason to refuse requests to the others. The watchdog judges the region as a whole. Elasticsearch
 * answers this call also when its licence has lapsed, unlike `_cluster/health` and all statistics. A node that refuses the
 * check's user serves all the same: a password that is rotated in one region after the other closes no entry.
 *
 * A node without power answers nothing, so each check of it lasts until its connection times out, after `inter` at the
 * latest: 1 + 1 + 0.5 + 1 + 0.5 + 1 = 5 s until it is marked down.
 */
export function regionBackend({ region, servers, authorization, caFile }: RegionBackend): string {
  const lines = servers.map(
    ({ name, address, certificateName }) =>
      `  server ${name} ${address}${certificateName === null ? "" : ` verifyhost ${certificateName}`}\n`,
  );
  const notes = writeNotes(region).map((line) => `  ${line}\n`);
  const tls = caFile === null ? "" : ` ssl verify required ca-file ${caFile}`;
  return `backend ${backendOf(region)}
  balance leastconn
  option httpchk
  http-check send meth GET uri /_cluster/state/master_node?local=true&filter_path=master_node ver HTTP/1.1 hdr Host ${region} hdr Authorization "${authorization}"
  http-check expect rstatus ^(200|401|403)$
  http-response set-header es-failover-region ${region}
${notes.join("")}  default-server check inter 1s fastinter 500ms fall 3 rise 2 on-marked-down shutdown-sessions${tls}
${lines.join("")}`;
}

const CLOSED_BACKEND = "closed";

export const closedBackend = `# No region has a valid ticket: no region is active, or the watchdog does not know which is.
backend ${CLOSED_BACKEND}
  http-request return status 503 content-type application/json string '{"error":{"type":"es_failover_closed","reason":"no region is open to requests at the moment"},"status":503}' hdr Retry-After 2
`;
