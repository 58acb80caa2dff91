/** Users and roles that the program creates in each cluster, with no more privileges than their work needs. */

export const users = {
  /** The watchdog: reads health, sets up and reverses replication, promotes. */
  watchdog: { name: "es-failover", role: "es_failover_watchdog" },
  /** HAProxy's health check. */
  haproxyCheck: { name: "haproxy-check", role: "es_failover_haproxy_check" },
  /** Applications: the replicated indices, nothing else. */
  app: { name: "app", role: "es_failover_app" },
} as const;

export type UserKey = keyof typeof users;
export const userKeys = ["watchdog", "haproxyCheck", "app"] as const satisfies readonly UserKey[];

export interface RoleDefinition {
  readonly cluster: readonly string[];
  readonly indices: readonly { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
}

/**
 * Roles by name.
 *
 * @param patterns the replicated index patterns. The name of a data stream covers its backing indices.
 */
export function roleDefinitions(patterns: readonly string[]): Readonly<Record<string, RoleDefinition>> {
  return {
    [users.watchdog.role]: {
      // read_ccr lets the other cluster's followers, which this user creates, read from this cluster.
      cluster: ["monitor", "manage_ccr", "read_ccr", "manage_index_templates", "manage_ilm", "manage_ingest_pipelines"],
      indices: [
        {
          names: patterns,
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
    },
    [users.haproxyCheck.role]: { cluster: ["monitor"], indices: [] },
    [users.app.role]: {
      // `GET /`, by which many clients learn the version.
      cluster: ["cluster:monitor/main"],
      indices: [{ names: patterns, privileges: ["read", "write", "create_index", "view_index_metadata"] }],
    },
  };
}
