import { randomBytes } from "node:crypto";
import type { TestCluster } from "../../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../../lab/util/until.ts";
import { roleDefinitions, users } from "../../../watchdog/config/roles.ts";
import { pauseFollowers } from "../shared/pause-followers.ts";
import { bulk, documentsOf, expectEqualDocuments } from "./ccr.ts";

/** Replicated indices: two behind a write alias that was rolled over once, and one that is used by its name. */
export const managedPatterns = ["orders*", "customers"] as const;

export const passwords = {
  watchdog: randomBytes(12).toString("base64url"),
  haproxyCheck: randomBytes(12).toString("base64url"),
  app: randomBytes(12).toString("base64url"),
};

/** The users and roles that provisioning makes, in both clusters. */
export async function createUsers({ gra, bhs }: ClusterPair): Promise<void> {
  for (const cluster of [gra, bhs]) {
    for (const [role, body] of Object.entries(roleDefinitions({ patterns: managedPatterns }))) {
      await cluster.call("PUT", `/_security/role/${role}`, { body });
    }
    for (const key of ["watchdog", "haproxyCheck", "app"] as const) {
      const body = { password: passwords[key], roles: [users[key].role] };
      await cluster.call("PUT", `/_security/user/${users[key].name}`, { body });
    }
  }
}

/** Indices with their initial number of documents. */
export const seeded = { "orders-000001": 40, "orders-000002": 60, customers: 20 } as const;

/** Documents of an application in gra: `orders` writes to orders-000002, which has two shards. */
export async function seed({ gra }: ClusterPair): Promise<void> {
  const mapping = { template: { mappings: { properties: { n: { type: "long" } } } } };
  await gra.call("PUT", "/_component_template/orders-mappings", { body: mapping });
  const template = { index_patterns: ["orders-*"], composed_of: ["orders-mappings"], priority: 200 };
  const settings = { number_of_replicas: 0 };
  await gra.call("PUT", "/_index_template/orders", { body: { ...template, template: { settings } } });
  const alias = (isWriteIndex: boolean) => ({ aliases: { orders: { is_write_index: isWriteIndex } } });
  await gra.call("PUT", "/orders-000001", { body: alias(false) });
  await gra.call("PUT", "/orders-000002", { body: { settings: { number_of_shards: 2 }, ...alias(true) } });
  await gra.call("PUT", "/customers", { body: { settings } });
  for (const [index, count] of Object.entries(seeded)) {
    const documents = Array.from({ length: count }, (_, n) => ({ index: `${index}-${n}`, document: { n } }));
    const { errors } = await bulk(gra, index, documents);
    if (errors) throw new Error(`not every document of ${index} was taken`);
  }
}

/** Waits until bhs has every seeded document in the same state as gra. */
export async function untilCopied({ gra, bhs }: ClusterPair): Promise<void> {
  for (const index of Object.keys(seeded)) {
    await expectEqualDocuments({ cluster: gra, index }, { cluster: bhs, index }, 60_000);
  }
}

/** Removes what a test left in both clusters. Both must run. */
export async function clear({ gra, bhs }: ClusterPair): Promise<void> {
  for (const cluster of [bhs, gra]) {
    await serves(cluster);
    const { patterns } = await cluster.call("GET", "/_ccr/auto_follow");
    for (const { name } of patterns) await cluster.call("DELETE", `/_ccr/auto_follow/${name}`);
  }
  // An index that is about to be followed has no follower yet.
  for (const cluster of [bhs, gra]) {
    await eventually(`${cluster.name} is empty, and nothing is under way`, 60_000, async () => {
      if (await isBusy(cluster)) return false;
      const names = (await managedIndices(cluster)).map(({ name }) => name);
      if (names.length === 0) return true;
      await pauseFollowers(cluster);
      await cluster.call("DELETE", `/${names.join(",")}?expand_wildcards=none`);
      return false;
    });
    await cluster.rest("DELETE", "/_index_template/orders");
    await cluster.rest("DELETE", "/_component_template/orders-mappings");
  }
}

async function isBusy(cluster: TestCluster): Promise<boolean> {
  const { tasks } = await cluster.call("GET", "/_cluster/pending_tasks");
  return tasks.length > 0;
}

/** Waits until a cluster that was away serves again. */
export async function serves(cluster: TestCluster): Promise<void> {
  await eventually(`${cluster.name} serves`, 120_000, async () => {
    const { status } = await cluster.rest("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s");
    return status === 200;
  });
}

interface ManagedIndex {
  readonly name: string;
  readonly open: boolean;
}

async function managedIndices(cluster: TestCluster): Promise<readonly ManagedIndex[]> {
  const { indices } = await cluster.call(
    "GET",
    `/_resolve/index/${managedPatterns.join(",")}?expand_wildcards=all&ignore_unavailable=true`,
  );
  return (indices as { name: string; attributes: readonly string[] }[]).map(({ name, attributes }) => ({
    name,
    open: attributes.includes("open"),
  }));
}

/** What an application finds in a cluster, and what is left of followers. */
export interface ClusterState {
  /** Documents by index; null for a closed one. */
  readonly documents: Readonly<Record<string, number | null>>;
  /** Index that the alias `orders` writes to. */
  readonly writeIndex: string | null;
  readonly followers: Readonly<Record<string, "active" | "paused">>;
  readonly autoFollow: Readonly<Record<string, "active" | "paused">>;
}

export async function stateOf(cluster: TestCluster): Promise<ClusterState> {
  const documents: Record<string, number | null> = {};
  for (const { name, open } of await managedIndices(cluster)) {
    documents[name] = open ? (await documentsOf(cluster, name)).length : null;
  }
  const aliases = (await cluster.call("GET", "/_alias/orders")) as Record<
    string,
    { aliases: { orders: { is_write_index?: boolean } } }
  >;
  const writeIndex =
    Object.entries(aliases).find(
      ([
        ,
        {
          aliases: { orders },
        },
      ]) => orders.is_write_index,
    )?.[0] ?? null;
  return { documents, writeIndex, followers: await followers(cluster), autoFollow: await autoFollow(cluster) };
}

/** Followers by name, from `_ccr/info`. */
export async function followers(cluster: TestCluster): Promise<ClusterState["followers"]> {
  const { follower_indices } = await cluster.call("GET", "/_all/_ccr/info");
  return Object.fromEntries(
    (follower_indices as { follower_index: string; status: "active" | "paused" }[]).map(
      ({ follower_index, status }) => [follower_index, status],
    ),
  );
}

async function autoFollow(cluster: TestCluster): Promise<ClusterState["autoFollow"]> {
  const { patterns } = await cluster.call("GET", "/_ccr/auto_follow");
  return Object.fromEntries(
    (patterns as { name: string; pattern: { active: boolean } }[]).map(({ name, pattern }) => [
      name,
      pattern.active ? "active" : "paused",
    ]),
  );
}
