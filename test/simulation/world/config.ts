import { profiles } from "../../../watchdog/config/profiles.ts";
import {
  type WatchdogConfig,
  type WatchdogConfigInput,
  watchdogConfigSchema,
} from "../../../watchdog/config/schema.ts";
import { NODES } from "./cluster/ailments.ts";
import { isRegion, type Layout, type Site } from "./layout.ts";

export type ChangeConfig = (config: WatchdogConfig) => WatchdogConfig;

const nodesOf = (network: number) =>
  [11, 12, 13].slice(0, NODES).map((host) => `https://192.168.${network}.${host}:9200`);

/** Times are short, so that a history of a minute is full of events. */
const common = {
  regions: { gra: { nodes: nodesOf(1) }, bhs: { nodes: nodesOf(2) } },
  firstPrimary: "gra",
  elasticsearch: { username: "es-failover", passwordFile: "/p", caFile: "/ca", requestTimeoutMs: 2_000 },
  checks: profiles.fast.checks,
  canary: { intervalMs: 1_000, timeoutMs: 900, unhealthyThreshold: 5 },
  hooks: {
    beforeClosing: [{ command: ["/hook"], timeoutMs: 1_000, onFailure: "stop" }],
    afterOpening: [{ command: ["/hook"], timeoutMs: 1_000 }],
    retryAfterMs: 3_000,
  },
  promotion: { drainTimeoutMs: 4_000, unfollowTimeoutMs: 3_000, batchSize: 2, parallelism: 2, maxStuckMs: 20_000 },
} satisfies Partial<WatchdogConfigInput>;

const stores = {
  file: { store: { kind: "file", directory: "/var/lib/es-failover" } },
  etcd: {
    store: {
      kind: "etcd",
      endpoints: ["https://192.168.1.20:2379"],
      caFile: "/ca",
      certificateFile: "/c",
      keyFile: "/k",
      username: "es-failover",
      passwordFile: "/p",
    },
  },
} as const satisfies Record<Layout["store"], Partial<WatchdogConfigInput>>;

/** With several watchdogs, above what a standby may be stale while the network is bad: its reads and their reports. */
const maxReadAgeMs = { file: 15_000, etcd: 60_000 } as const satisfies Record<Layout["store"], number>;

const entryOf = (site: Site) => ({
  url: `https://${site}:9200`,
  username: "haproxy-check",
  passwordFile: "/p",
  caFile: "/ca",
});

const failsafeOf = (site: Site) => ({
  listen: "0.0.0.0:9443",
  url: `https://${site}:9443`,
  certificateFile: "/c",
  keyFile: "/k",
  caFile: "/ca",
  // So that histories of a minute have watchdogs that were forgotten, and come back.
  forgetAfterMs: 15_000,
});

const configs = new Map<string, WatchdogConfig>();

/** The configuration of the watchdog at a site: one object for all histories. */
export function configOf({ store }: Layout, site: Site): WatchdogConfig {
  const known = configs.get(`${store} ${site}`);
  if (known !== undefined) return known;
  const config = parsed(store, site);
  configs.set(`${store} ${site}`, config);
  return config;
}

const parsed = (store: Layout["store"], site: Site): WatchdogConfig =>
  watchdogConfigSchema.parse({
    ...common,
    ...stores[store],
    replication: {
      patterns: ["logs-*"],
      intervalMs: 2_000,
      maxLagOperations: 50,
      maxReadAgeMs: maxReadAgeMs[store],
      deletedLeaders: { policy: "delete", deleteAfterMs: 6_000 },
    },
    name: `${site}-watchdog`,
    site,
    ...(store === "etcd" ? { failsafe: failsafeOf(site) } : {}),
    ...(isRegion(site) ? { router: {}, entry: entryOf(site) } : { router: null }),
  });
