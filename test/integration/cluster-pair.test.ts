import { afterAll, expect, test } from "vitest";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { follow } from "./support/ccr.ts";
import { contentsOf } from "./support/cluster-contents.ts";

/** Test files use pairs of clusters one after the other: nothing that one does to them may reach the next one. */

let pair: ClusterPair;

afterAll(() => pair?.stop());

/** Leaves one of everything that tests make. */
async function disorder({ gra, bhs }: ClusterPair): Promise<void> {
  const settings = { number_of_replicas: 0 };
  await gra.call("PUT", "/left", { body: { settings, aliases: { "left-alias": {} } } });
  await gra.call("PUT", "/.left-hidden", { body: { settings: { ...settings, "index.hidden": true } } });
  await follow(bhs, "left", "gra");
  await gra.call("POST", "/left/_close");
  await bhs.call("PUT", "/_ccr/auto_follow/left", {
    body: { remote_cluster: "gra", leader_index_patterns: ["left*"] },
  });
  for (const cluster of [gra, bhs]) {
    await cluster.call("PUT", "/_component_template/left", { body: { template: {}, _meta: { managed: true } } });
    const template = { index_patterns: ["left-*"], composed_of: ["left"], priority: 200 };
    await cluster.call("PUT", "/_index_template/left", { body: template });
    await cluster.call("PUT", "/_security/role/left", { body: { cluster: ["monitor"] } });
    await cluster.call("PUT", "/_security/user/left", { body: { password: "left-password", roles: ["left"] } });
  }
  const blocked = { "lab_ccr.misbehave.stalls": ["left"], "cluster.blocks.read_only": true };
  await bhs.call("PUT", "/_cluster/settings", { body: { persistent: blocked } });
  const nowhere = { settings: { "index.routing.allocation.require._name": "none" } };
  await gra.call("PUT", "/left-red?wait_for_active_shards=0", { body: nowhere });
  await bhs.freeze();
  await gra.kill();
}

test("a pair of clusters comes to its next borrower as it came to the one before, whatever happened to it", async () => {
  pair = await borrowClusterPair();
  const [gra, bhs] = [await contentsOf(pair.gra), await contentsOf(pair.bhs)];
  expect(gra).toMatchObject({ followers: { follower_indices: [] }, patterns: { patterns: [] } });
  const { urls } = pair.gra;
  await disorder(pair);
  await pair.stop();
  pair = await borrowClusterPair();
  expect(pair.gra.urls).toEqual(urls);
  expect(await contentsOf(pair.gra)).toEqual(gra);
  expect(await contentsOf(pair.bhs)).toEqual(bhs);
});
