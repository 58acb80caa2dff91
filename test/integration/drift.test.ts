import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { readInventory } from "../../watchdog/adapters/elasticsearch/inventory.ts";
import { compareInventories, type DriftReport } from "../../watchdog/diagnostics/drift/compare.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { nodesAs } from "./support/access.ts";
import { createUsers, passwords } from "./support/watchdog-clusters.ts";

/** Read by the watchdog's own user, on real nodes. These have no module for lifecycle policies. */
describe("drift between two clusters", () => {
  let pair: ClusterPair;

  beforeAll(async () => {
    pair = await borrowClusterPair();
    await createUsers(pair);
  });
  afterAll(() => pair?.stop());

  const inventoryOf = (cluster: TestCluster, region: string) =>
    readInventory({
      ...nodesAs(cluster, { username: "es-failover", password: passwords.watchdog }),
      region,
      requestTimeoutMs: 30_000,
    });

  async function drift(): Promise<DriftReport> {
    const [gra, bhs] = await Promise.all([inventoryOf(pair.gra, "gra"), inventoryOf(pair.bhs, "bhs")]);
    return compareInventories({ region: "gra", inventory: gra }, { region: "bhs", inventory: bhs });
  }

  test("is none between clusters that were set up alike, though their addresses and reserved users differ", async () => {
    const { items, unread } = await drift();
    expect(items).toEqual([]);
    expect(unread.map(({ kind, reason }) => [kind, reason])).toEqual([
      ["ilm-policy", "gra has no module for it"],
      ["ilm-policy", "bhs has no module for it"],
    ]);
  });

  test("names what one region lacks, and what both have differently", async () => {
    const template = (replicas: number) => ({
      index_patterns: ["drift-*"],
      template: { settings: { index: { number_of_replicas: replicas } } },
    });
    await pair.gra.call("PUT", "/_index_template/drift", { body: template(1) });
    await pair.bhs.call("PUT", "/_index_template/drift", { body: template(0) });
    await pair.gra.call("PUT", "/_security/role/drift-reader", { body: { cluster: ["monitor"] } });
    await pair.bhs.call("PUT", "/_security/user/drift-ada", { body: { password: "long-enough-1", roles: ["viewer"] } });
    await pair.gra.call("PUT", "/_security/role_mapping/drift-admins", {
      body: { roles: ["viewer"], enabled: true, rules: { field: { username: "ada" } } },
    });
    await pair.bhs.call("PUT", "/_cluster/settings", {
      body: { persistent: { "cluster.max_shards_per_node": 2_000 } },
    });

    const { items } = await drift();
    expect(items.map(({ kind, name, state }) => `${kind} ${name} ${state}`)).toEqual([
      "index-template drift different",
      "role drift-reader missing",
      "role-mapping drift-admins missing",
      "user drift-ada additional",
      "cluster-setting cluster.max_shards_per_node additional",
    ]);
    expect(items[0]?.differences).toEqual([
      { path: "template.settings.index.number_of_replicas", active: "1", standby: "0" },
    ]);

    for (const [cluster, paths] of [
      [pair.gra, ["/_index_template/drift", "/_security/role/drift-reader", "/_security/role_mapping/drift-admins"]],
      [pair.bhs, ["/_index_template/drift", "/_security/user/drift-ada"]],
    ] as const) {
      for (const path of paths) await cluster.call("DELETE", path);
    }
    await pair.bhs.call("PUT", "/_cluster/settings", { body: { persistent: { "cluster.max_shards_per_node": null } } });
    expect((await drift()).items).toEqual([]);
  });
});
