import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import {
  expectEqualDocuments,
  follow,
  followerLeases,
  followStatus,
  promote,
  quickRetries,
  refusal,
  write,
} from "./support/ccr.ts";
import { isForeign, whyNotForeign } from "./support/ccr-pair.ts";

/**
 * Replication from a remote cluster that is connected with a cross-cluster API key, instead of with certificates. On foreign
 * clusters all contract tests run with whatever connects those.
 */

const remote = "gra-by-key";

let pair: ClusterPair;
let gra: TestCluster;
let bhs: TestCluster;
let keyId: string;

beforeAll(async () => {
  if (isForeign) return;
  pair = await borrowClusterPair();
  ({ gra, bhs } = pair);
  const key = await gra.call("POST", "/_security/cross_cluster/api_key", {
    body: { name: "bhs", access: { replication: [{ names: ["keyed*"] }] } },
  });
  keyId = key.id;
  await bhs.setSecret(`cluster.remote.${remote}.credentials`, key.encoded);
  const { nodes } = await gra.call("GET", "/_nodes/remote_cluster_server");
  const [node] = Object.values(nodes) as { remote_cluster_server: { publish_address: string } }[];
  const persistent = {
    [`cluster.remote.${remote}.mode`]: "proxy",
    [`cluster.remote.${remote}.proxy_address`]: node?.remote_cluster_server.publish_address,
  };
  await bhs.call("PUT", "/_cluster/settings", { body: { persistent } });
  await eventually(
    "connected",
    30_000,
    async () => (await bhs.call("GET", "/_remote/info"))[remote].connected === true,
  );
  expect((await bhs.call("GET", "/_remote/info"))[remote]).toHaveProperty("cluster_credentials");
});

beforeEach((context) => context.skip(isForeign, whyNotForeign.connection));

afterAll(async () => {
  if (keyId !== undefined) await gra.call("DELETE", "/_security/api_key", { body: { ids: [keyId] } });
  await pair?.stop();
});

const expectEqual = (index: string) => expectEqualDocuments({ cluster: gra, index }, { cluster: bhs, index }, 60_000);

test("with an API key a follower copies, follows, pauses and resumes, and is promoted without leaving a lease", async () => {
  await gra.call("PUT", "/keyed", { body: { settings: { number_of_replicas: 0 } } });
  await write(gra, "keyed", "1");
  await gra.call("POST", "/keyed/_flush?force=true");
  await follow(bhs, "keyed", remote, "keyed", quickRetries);
  await write(gra, "keyed", "2");
  await expectEqual("keyed");

  await bhs.call("POST", "/keyed/_ccr/pause_follow");
  await write(gra, "keyed", "3");
  await bhs.call("POST", "/keyed/_ccr/resume_follow");
  await expectEqual("keyed");
  expect(await followerLeases(gra, "keyed")).toHaveLength(1);

  await promote(bhs, "keyed");
  expect((await bhs.call("PUT", "/keyed/_doc/4", { body: {} }))._seq_no).toBe(3);
  expect(await followerLeases(gra, "keyed")).toEqual([]);
});

test("with an API key auto-follow takes new indices", async () => {
  await bhs.call("PUT", "/_ccr/auto_follow/keyed", {
    body: { remote_cluster: remote, leader_index_patterns: ["keyed-auto-*"] },
  });
  await gra.call("PUT", "/keyed-auto-1", { body: { settings: { number_of_replicas: 0 } } });
  await eventually("followed", 30_000, async () => (await followStatus(bhs, "keyed-auto-1")) === "active");
});

test("an index that the API key does not cover is refused with 403, and nothing is created", async () => {
  await gra.call("PUT", "/uncovered");
  const body = { remote_cluster: remote, leader_index: "uncovered" };
  const refused = await refusal(bhs, "PUT", "/uncovered/_ccr/follow", body);
  expect(refused).toMatchObject({ status: 403, type: "security_exception" });
  expect((await bhs.rest("HEAD", "/uncovered")).status).toBe(404);
});
