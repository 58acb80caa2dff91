import { isIP } from "node:net";
import type { RegionName } from "../../config/address.ts";
import { type BackendServer, closedBackend, regionBackend, routeRules, ticketRules, writeRule } from "./rules.ts";

/** The pieces that a haproxy.cfg of one's own needs. */

export interface SnippetRegion {
  /** URLs of its nodes. */
  readonly nodes: readonly string[];
  readonly caFile: string | null;
}

/** Rules for each frontend that leads to Elasticsearch, in place of its `use_backend` and `default_backend`. */
export function frontendSnippet(regions: readonly RegionName[], ticketMapFile: string): string {
  const lines = [...ticketRules(regions, ticketMapFile), writeRule, ...routeRules(regions)];
  return `# In each frontend (mode http) that leads to Elasticsearch, in place of its use_backend and default_backend. Each request goes
# to the region with a valid routing ticket, which the watchdog renews, and to none without: whatever happens to the watchdog
# or to HAProxy, a region that may no longer take writes gets none from here.
${lines.map((line) => `  ${line}\n`).join("")}`;
}

/**
 * The backends, as a file of its own for HAProxy's `-f`. It holds the credentials of the health check.
 *
 * @param authorization value of the header, of the health check's user
 */
export function backendsSnippet(regions: Readonly<Record<RegionName, SnippetRegion>>, authorization: string): string {
  const backends = Object.entries(regions).map(([region, { nodes, caFile }]) =>
    withDefaults(regionBackend({ region, servers: serversFor(nodes), authorization, caFile })),
  );
  return `# The last file that HAProxy reads (-f): its defaults would hold for what follows.
defaults ${DEFAULTS}
  mode http
  option redispatch 1
  retries 2
  timeout connect 2s
  timeout check 2s
  timeout queue 5s
  # Bounds what can still reach a region after its ticket has ended: a request that was already forwarded.
  timeout server 60s

${[...backends, withDefaults(closedBackend)].join("\n")}`;
}

const DEFAULTS = "es-failover";

const withDefaults = (backend: string): string => backend.replace(/^backend \S+$/m, `$& from ${DEFAULTS}`);

/** HAProxy compares `verifyhost` with names in a certificate, and with no address. */
function serversFor(nodes: readonly string[]): readonly BackendServer[] {
  const urls = nodes.map((node) => new URL(node));
  return urls.map(({ hostname, host, port, protocol }) => {
    const isOnlyOne = urls.filter((other) => other.hostname === hostname).length === 1;
    const isName = isIP(hostname.replaceAll(/[[\]]/g, "")) === 0;
    return {
      name: (isOnlyOne ? hostname : host).replaceAll(/[^\w.-]+/g, "-"),
      address: hostAndPort({ hostname, port, protocol }),
      certificateName: isName && protocol === "https:" ? hostname : null,
    };
  });
}

/** A URL has no port where it is the protocol's own. */
export const hostAndPort = ({ hostname, port, protocol }: Pick<URL, "hostname" | "port" | "protocol">): string =>
  `${hostname}:${port === "" ? (protocol === "https:" ? "443" : "80") : port}`;
