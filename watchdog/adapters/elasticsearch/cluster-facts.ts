import { z } from "zod";
import type { ClusterFacts, FollowerFact, Login, LoginKey, RemoteFact } from "../../adoption/facts.ts";
import { users } from "../../config/roles.ts";
import { ClusterError } from "../../core/ports/cluster.ts";
import { isOlder } from "../../core/rules/preconditions.ts";
import type { DefinitionKind } from "../../core/state/cluster.ts";
import type { ManagedPatterns } from "../../core/state/patterns.ts";
import { readDefinitions } from "./definitions.ts";
import { FollowerReader } from "./followers.ts";
import { readIndices } from "./index-states.ts";
import type { NodeAccess, NodesOptions } from "./node-client.ts";
import { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";
import { readLicence } from "./readiness.ts";
import { RemoteAliases } from "./remote-aliases.ts";
import { readAutoFollowPatterns } from "./replication.ts";
import { readStorage, readVersions } from "./survey.ts";

export interface FactsOptions extends NodesOptions {
  readonly managed: ManagedPatterns;
  readonly definitions: readonly DefinitionKind[];
  /** Whether other clusters reach it at the server for remote clusters, by API keys, in place of the transport layer. */
  readonly keyedRemotes: boolean;
  readonly logins: Readonly<Record<LoginKey, WantedLogin>>;
}

export interface WantedLogin {
  readonly user: string;
  /** Credentials that are to be accepted; null: there are none yet; `unused`: nothing logs in. */
  readonly access: NodeAccess | "unused" | null;
}

/** Names of all indices: `*` leaves none out here, hidden ones neither. */
const EVERYTHING: ManagedPatterns = { patterns: ["*"], exclusions: [] };

/**
 * Reads a cluster as an administrator, to judge how it can be taken over. Changes nothing.
 *
 * @throws ClusterError
 */
export async function readClusterFacts(options: FactsOptions): Promise<ClusterFacts> {
  const nodes = new RegionNodes(options);
  // Names of remote clusters as they are: which of them is a region is yet to be found out.
  const asTheyAre = new RemoteAliases(options.region, {});
  try {
    await assertSecured(nodes);
    const info = await nodes.read("read the cluster", (client, call) => client.info({}, call));
    const [licence, versions, remotes, followers, autoFollow, indices, definitions, storage] = await Promise.all([
      readLicence(nodes),
      readVersions(nodes),
      readRemotes(nodes),
      new FollowerReader(nodes, EVERYTHING, asTheyAre).read(),
      readAutoFollowPatterns(nodes, asTheyAre),
      readIndices(nodes, options.managed),
      readDefinitions(nodes, options.definitions, () => {}),
      readStorage(nodes, options.managed),
    ]);
    return {
      region: options.region,
      clusterUuid: info.cluster_uuid,
      versions: rangeOf(versions.map(({ version }) => version)),
      licence,
      maySetUp: await maySetUp(nodes),
      transportAddresses: await readAddresses(nodes, options.keyedRemotes),
      remotes,
      followers: followers.map(
        ({ index, leaderIndex, remoteCluster, status }): FollowerFact => ({
          index,
          leaderIndex,
          alias: remoteCluster,
          paused: status === "paused",
        }),
      ),
      autoFollow,
      indices,
      definitions,
      managedBytes: storage.managedPrimaryBytes,
      roles: await readRoles(nodes),
      logins: {
        watchdog: await loginOf(nodes, options, "watchdog"),
        haproxyCheck: await loginOf(nodes, options, "haproxyCheck"),
      },
    };
  } finally {
    await nodes.close();
  }
}

/** Without security there are no users with few privileges, and nothing keeps a client from writing anywhere. */
async function assertSecured(nodes: RegionNodes): Promise<void> {
  try {
    await nodes.read("ask who this is", (client, call) => client.security.authenticate({}, call));
  } catch (error) {
    if (error instanceof ClusterError && error.kind === "rejected") {
      throw new ClusterError(
        nodes.region,
        "rejected",
        `${nodes.region} answers without security (xpack.security.enabled): switch it on, which replication with roles of its own needs`,
      );
    }
    throw error;
  }
}

function rangeOf(versions: readonly string[]): ClusterFacts["versions"] {
  const sorted = versions.toSorted((a, b) => (isOlder(a, b) ? -1 : isOlder(b, a) ? 1 : 0));
  return { lowest: sorted[0] ?? "0", highest: sorted.at(-1) ?? "0" };
}

/** Asking the remotes connects to those that were not in use. */
async function readRemotes(nodes: RegionNodes): Promise<readonly RemoteFact[]> {
  const remotes = await nodes.read("read remote clusters", (client, call) => client.cluster.remoteInfo({}, call));
  const names = Object.keys(remotes);
  if (names.length === 0) return [];
  const connected = await nodes.read("connect to remote clusters", (client, call) =>
    client.indices.resolveCluster({ timeout: "3s" }, call),
  );
  const uuids = await readRemoteUuids(nodes);
  return names.map((alias) => ({
    alias,
    connected: connected[alias]?.connected === true,
    clusterUuid: uuids[alias] ?? null,
  }));
}

const remoteStats = z.object({
  ccs: z
    .object({ clusters: z.record(z.string(), z.object({ cluster_uuid: z.string().optional() })).default({}) })
    .default({ clusters: {} }),
});

/** Elasticsearch before 8.16 does not tell them. */
async function readRemoteUuids(nodes: RegionNodes): Promise<Readonly<Record<string, string | undefined>>> {
  try {
    const stats = await nodes.read("read which clusters the remotes are", (client, call) =>
      client.cluster.stats({ include_remotes: true, filter_path: "ccs.clusters.*.cluster_uuid" }, call),
    );
    const { clusters } = remoteStats.parse(stats).ccs;
    return Object.fromEntries(Object.entries(clusters).map(([alias, { cluster_uuid }]) => [alias, cluster_uuid]));
  } catch (error) {
    if (error instanceof ClusterError && error.kind === "rejected") return {};
    throw error;
  }
}

async function maySetUp(nodes: RegionNodes): Promise<boolean> {
  const answer = await nodes.read("read the administrator's privileges", (client, call) =>
    client.security.hasPrivileges({ cluster: ["manage", "manage_security"] }, call),
  );
  return answer.has_all_requested;
}

const addresses = z.object({
  nodes: z
    .record(
      z.string(),
      z.object({
        transport: z.object({ publish_address: z.string() }).optional(),
        remote_cluster_server: z.object({ publish_address: z.string() }).optional(),
      }),
    )
    .default({}),
});

/** `host:port`, of an answer such as `es-1.example/10.0.1.10:9300`. */
async function readAddresses(nodes: RegionNodes, keyed: boolean): Promise<readonly string[]> {
  const metric = keyed ? "remote_cluster_server" : "transport";
  const info = await nodes.read("read where its nodes are reached", (client, call) =>
    client.nodes.info({ metric, filter_path: `nodes.*.${metric}.publish_address` }, call),
  );
  const found = Object.values(addresses.parse(info).nodes).flatMap((node) => node[metric]?.publish_address ?? []);
  return found.map((address) => address.replace(/^.*\//, "")).toSorted();
}

async function readRoles(nodes: RegionNodes): Promise<Readonly<Record<string, unknown>>> {
  const names = [users.watchdog.role, users.haproxyCheck.role];
  try {
    const roles = await nodes.read("read roles", (client, call) => client.security.getRole({ name: names }, call));
    return Object.fromEntries(names.map((name) => [name, roles[name] ?? null]));
  } catch (error) {
    if (error instanceof ClusterError && error.kind === "not-found") return {};
    throw error;
  }
}

async function loginOf(admin: RegionNodes, options: FactsOptions, key: LoginKey): Promise<Login> {
  const { user, access } = options.logins[key];
  if (access === "unused") return { kind: "unused", user };
  const accepted = access === null ? null : await authenticate({ ...options, access });
  return accepted ?? { kind: (await exists(admin, user)) ? "refused" : "absent", user };
}

/** What the cluster makes of these credentials; null: it refuses them. */
export async function authenticate(options: NodesOptions): Promise<Login | null> {
  const nodes = new RegionNodes(options);
  try {
    const {
      username: user,
      roles,
      authentication_realm: realm,
    } = await nodes.read("log in", async (client, call) => client.security.authenticate({}, call));
    return { kind: "accepted", user, roles, realm: String(property(realm, "type")) };
  } catch (error) {
    if (error instanceof ClusterError && error.status === 401) return null;
    throw error;
  } finally {
    await nodes.close();
  }
}

async function exists(nodes: RegionNodes, username: string): Promise<boolean> {
  try {
    await nodes.read(`read the user ${username}`, (client, call) => client.security.getUser({ username }, call));
    return true;
  } catch (error) {
    if (error instanceof ClusterError && error.kind === "not-found") return false;
    throw error;
  }
}
