import { type WatchdogConfigInput, watchdogConfigSchema } from "../../watchdog/config/schema.ts";
import type { StackConfig } from "../config.ts";
import { users } from "../elasticsearch/users.ts";
import { haproxyPaths } from "../haproxy/haproxy-cfg.ts";
import { type Host, hostsOf, ports, type Topology } from "../topology.ts";

export const watchdogPaths = {
  config: "/etc/es-failover/watchdog.json",
  ca: "/etc/es-failover/ca.crt",
  password: "/etc/es-failover/secrets/elasticsearch-password",
  state: "/var/lib/es-failover/state",
} as const;

export interface WatchdogConfigOptions {
  readonly topology: Topology;
  readonly config: Pick<StackConfig, "firstPrimary" | "replication" | "checks">;
  /** The HAProxy host that the watchdog stands on. */
  readonly host: Host;
}

/** /etc/es-failover/watchdog.json. What the watchdog's own schema refuses never reaches a host. */
export function watchdogJson({ topology, config, host }: WatchdogConfigOptions): string {
  const input: WatchdogConfigInput = {
    name: host.name,
    site: host.region,
    regions: Object.fromEntries(
      topology.regions.map((region) => [
        region.name,
        {
          nodes: hostsOf(region, "elasticsearch").map((node) => `https://${node.privateIp}:${ports.elasticsearchHttp}`),
        },
      ]),
    ),
    firstPrimary: config.firstPrimary,
    elasticsearch: {
      username: users.watchdog.name,
      passwordFile: watchdogPaths.password,
      caFile: watchdogPaths.ca,
    },
    replication: config.replication,
    checks: config.checks,
    store: { kind: "file", directory: watchdogPaths.state },
    router: {
      adminSocket: haproxyPaths.adminSocket,
      masterSocket: haproxyPaths.masterSocket,
      configFile: haproxyPaths.config,
      ticketMapFile: haproxyPaths.ticketMap,
    },
  };
  watchdogConfigSchema.parse(input);
  return `${JSON.stringify(input, undefined, 2)}\n`;
}
