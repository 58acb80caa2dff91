import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { keyRequest, keystoreEntry } from "../../infra/elasticsearch/remote-keys.ts";
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
import { connectAsWatchdog, createWatchdogUser, watchdogCredentials } from "./support/watchdog-user.ts";

/**
 * Replication from a remote cluster that is connected with a cross-cluster API key, instead of with certificates. On foreign
 * clusters all contract tests run with whatever connects those.
 */

const remote = "gra-by-key";

let pair: ClusterPair;
let gra: TestCluster;
let bhs: TestCluster;
/** Of every key that was made. */
const keyIds: string[] = [];

beforeAll(async () => {
  if (isForeign) return;
  pair = await borrowClusterPair();
  ({ gra, bhs } = pair);
  await takeUpNewKey();
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

/** Makes a key in gra as provisioning's command does, and has bhs's nodes read it from their keystores. */
async function takeUpNewKey(): Promise<string> {
  const body = keyRequest("bhs", ["keyed*"]);
  const { id, encoded } = await gra.call("POST", "/_security/cross_cluster/api_key", { body });
  keyIds.push(id);
  await bhs.setSecret(keystoreEntry(remote), encoded);
  return id;
}

const endKeys = (ids: readonly string[]) => gra.call("DELETE", "/_security/api_key", { body: { ids } });

beforeEach((context) => context.skip(isForeign, whyNotForeign.connection));

afterAll(async () => {
  if (keyIds.length > 0) await endKeys(keyIds);
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

describe("the watchdog's user", () => {
  const body = { remote_cluster: remote, leader_index: "keyed-watched" };
  const as = watchdogCredentials;

  test("is refused by its role for certificates, and follows by the one for API keys", async () => {
    await gra.call("PUT", "/keyed-watched", { body: { settings: { number_of_replicas: 0 } } });
    await createWatchdogUser(bhs, ["keyed*"]);
    const refused = await bhs.rest("PUT", "/keyed-watched/_ccr/follow", { as, body });
    expect([refused.status, refused.body.error.type]).toEqual([403, "security_exception"]);
    await createWatchdogUser(bhs, ["keyed*"], { keyedRemote: remote });
    await bhs.call("PUT", "/keyed-watched/_ccr/follow", { as, body });
    await write(gra, "keyed-watched", "1");
    await expectEqual("keyed-watched");
    const auto = { remote_cluster: remote, leader_index_patterns: ["keyed-seen-*"] };
    await bhs.call("PUT", "/_ccr/auto_follow/keyed-seen", { as, body: auto });
    await gra.call("PUT", "/keyed-seen-1", { body: { settings: { number_of_replicas: 0 } } });
    await eventually("followed", 30_000, async () => (await followStatus(bhs, "keyed-seen-1")) === "active");
  });

  test("learns that the connection goes by API key", async () => {
    const cluster = connectAsWatchdog(bhs, { patterns: ["keyed*"], exclusions: [] });
    try {
      expect((await cluster.readiness(remote)).remote).toEqual({ configured: true, connected: true, keyed: true });
      expect((await cluster.readiness("gra")).remote).toEqual({ configured: true, connected: true, keyed: false });
    } finally {
      await cluster.close();
    }
  });
});
