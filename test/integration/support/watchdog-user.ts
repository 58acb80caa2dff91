import type { TestCluster } from "../../../lab/elasticsearch/cluster.ts";
import {
  createElasticsearchCluster,
  type ElasticsearchCluster,
  type ElasticsearchClusterOptions,
} from "../../../watchdog/adapters/elasticsearch/cluster.ts";
import { type RoleScope, roleDefinitions, users } from "../../../watchdog/config/roles.ts";
import type { ManagedPatterns } from "../../../watchdog/core/state/patterns.ts";
import { nodesAs } from "./access.ts";

const password = "watchdog-test-password";
export const watchdogCredentials = { username: users.watchdog.name, password } as const;

/** The watchdog's user with the role that provisioning gives it. */
export async function createWatchdogUser(
  cluster: TestCluster,
  patterns: readonly string[],
  remote: Pick<RoleScope, "keyedRemote"> = {},
): Promise<void> {
  const role = roleDefinitions({ patterns, ...remote })[users.watchdog.role];
  await cluster.call("PUT", `/_security/role/${users.watchdog.role}`, { body: role });
  const body = { password, roles: [users.watchdog.role] };
  await cluster.call("PUT", `/_security/user/${users.watchdog.name}`, { body });
}

/** The watchdog's adapter, used as that user. To be closed. */
export function connectAsWatchdog(
  cluster: TestCluster,
  managed: ManagedPatterns,
  other: Partial<ElasticsearchClusterOptions> = {},
): ElasticsearchCluster {
  return createElasticsearchCluster({
    ...nodesAs(cluster, watchdogCredentials),
    requestTimeoutMs: 20_000,
    probeTimeoutMs: 5_000,
    unfollowTimeoutMs: 5_000,
    managed,
    ...other,
  });
}
