import { CANARY_INDEX } from "./canary.ts";

/**
 * Users and roles of Elasticsearch, with no more privileges than their work needs: provisioning creates them, and
 * `es-failover init` in clusters that are there already.
 */

export const users = {
  /** The watchdog: reads health, sets up and reverses replication, promotes. */
  watchdog: { name: "es-failover", role: "es_failover_watchdog" },
  /** HAProxy's health check, and the canaries through HAProxy. */
  haproxyCheck: { name: "haproxy-check", role: "es_failover_haproxy_check" },
  /** Applications: the replicated indices, nothing else. */
  app: { name: "app", role: "es_failover_app" },
  /** The exporter of metrics beside each node. */
  exporter: { name: "es-failover-exporter", role: "es_failover_exporter" },
} as const;

export type UserKey = keyof typeof users;

export interface RoleDefinition {
  readonly cluster: readonly string[];
  readonly indices: readonly { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
  /** What the user may do in another cluster that is connected by API key, as far as the key permits it. */
  readonly remote_indices?: readonly {
    readonly clusters: readonly string[];
    readonly names: readonly string[];
    readonly privileges: readonly string[];
  }[];
}

/** What the roles are for. */
export interface RoleScope {
  /** The replicated index patterns. */
  readonly patterns: readonly string[];
  /** Name of the other region's cluster as a remote, where it is connected by API key. */
  readonly keyedRemote?: string;
}

/**
 * The replicated indices. The name of a data stream covers its backing indices, but not those that are not there yet, which
 * the watchdog follows by their own names.
 */
export const replicatedNames = (patterns: readonly string[]): readonly string[] => [
  ...patterns,
  ...patterns.map((pattern) => `.ds-${pattern}`),
];

/** Roles by name. */
export function roleDefinitions({ patterns, keyedRemote }: RoleScope): Readonly<Record<string, RoleDefinition>> {
  return {
    [users.watchdog.role]: {
      // read_ccr lets the other cluster's followers, which this user creates, read from this cluster.
      cluster: [
        "monitor",
        "monitor_snapshot",
        "read_slm",
        "manage_ccr",
        "read_ccr",
        "manage_index_templates",
        "manage_ilm",
        "manage_ingest_pipelines",
        // `drift` compares roles, role mappings and users; passwords cannot be read.
        "read_security",
      ],
      indices: [
        {
          names: replicatedNames(patterns),
          privileges: [
            "monitor",
            "manage",
            "manage_follow_index",
            "manage_leader_index",
            "read",
            "write",
            "create_index",
          ],
        },
      ],
      ...(keyedRemote === undefined ? {} : { remote_indices: [followedIn(keyedRemote, patterns)] }),
    },
    // The watchdogs send their canaries as this user: the one with the fewest rights.
    [users.haproxyCheck.role]: {
      cluster: ["monitor"],
      indices: [{ names: [CANARY_INDEX], privileges: ["create_index", "index", "read"] }],
    },
    // A lapsed licence refuses health and statistics to every user: then the watchdogs' own metrics name it.
    [users.exporter.role]: {
      // Statistics of nodes include those of the allocation.
      cluster: [
        ...["cluster:monitor/main", "cluster:monitor/health"],
        ...["cluster:monitor/nodes/stats", "cluster:monitor/allocation/stats"],
      ],
      indices: [],
    },
    [users.app.role]: {
      // `GET /`, by which many clients learn the version.
      cluster: ["cluster:monitor/main"],
      indices: [{ names: patterns, privileges: ["read", "write", "create_index", "view_index_metadata"] }],
    },
  };
}

/** With certificates the roles of the other cluster decide; with an API key this, within what the key permits. */
const followedIn = (remoteAlias: string, patterns: readonly string[]) => ({
  clusters: [remoteAlias],
  names: replicatedNames(patterns),
  privileges: ["cross_cluster_replication"],
});

/** The roles of some users, by name. */
export function rolesOf(keys: readonly UserKey[], scope: RoleScope): Readonly<Record<string, RoleDefinition>> {
  const wanted = new Set<string>(keys.map((key) => users[key].role));
  return Object.fromEntries(Object.entries(roleDefinitions(scope)).filter(([role]) => wanted.has(role)));
}
