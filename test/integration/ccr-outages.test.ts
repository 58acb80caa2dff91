import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import { type ClusterPair, startClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import {
  bulk,
  documentsOf,
  expectEqualDocuments,
  follow,
  followStatus,
  promote,
  type ShardStats,
  shardStats,
} from "./support/ccr.ts";

/** Replication through outages of either side. The tests share two clusters and follow each other. */

let pair: ClusterPair;
let gra: TestCluster;
let bhs: TestCluster;

beforeAll(async () => {
  pair = await startClusterPair();
  ({ gra, bhs } = pair);
});

afterAll(() => pair?.stop());

/** Writes, updates and deletes until told to stop; failures are an outage's business. Returns how many writes succeeded. */
function startWriter(cluster: TestCluster, index: string): { stop(): Promise<number> } {
  let isStopped = false;
  const work = (async () => {
    let written = 0;
    for (let i = 0; !isStopped; i++) {
      const operations = [
        { index: `new-${i}`, document: { i } },
        { index: `same-${i % 5}`, document: { i } },
        { delete: `new-${i - 7}` },
      ];
      await bulk(cluster, index, operations).then(
        () => (written += 1),
        () => new Promise((resolve) => setTimeout(resolve, 50)),
      );
    }
    return written;
  })();
  return {
    stop: () => {
      isStopped = true;
      return work;
    },
  };
}

async function firstShard(index: string): Promise<ShardStats> {
  const [shard] = await shardStats(bhs, index);
  if (shard === undefined) throw new Error(`no shard stats of ${index}`);
  return shard;
}

describe("outages", () => {
  test("a leader that is killed under load and restarted loses its follower nothing", async () => {
    await gra.call("PUT", "/loaded", { body: { settings: { number_of_shards: 2, number_of_replicas: 0 } } });
    await follow(bhs, "loaded", "gra");
    const writer = startWriter(gra, "loaded");
    await eventually(
      "the follower has some documents",
      30_000,
      async () => (await documentsOf(bhs, "loaded")).length > 9,
    );

    await gra.kill();
    await eventually(
      "failed reads are shown",
      30_000,
      async () => (await firstShard("loaded")).read_exceptions.length > 0,
    );
    expect((await firstShard("loaded")).fatal_exception).toBeUndefined();
    await gra.restart();

    await eventually(
      "reads succeed again",
      60_000,
      async () => (await firstShard("loaded")).read_exceptions.length === 0,
    );
    expect(await writer.stop()).toBeGreaterThan(0);
    await expectEqualDocuments({ cluster: gra, index: "loaded" }, { cluster: bhs, index: "loaded" }, 60_000);
  });

  test("a follower's node that is killed under load and restarted goes on where it was", async () => {
    const writer = startWriter(gra, "loaded");
    await bhs.kill();
    await bhs.restart();
    await eventually(
      "following goes on",
      60_000,
      async () => (await firstShard("loaded")).leader_global_checkpoint > 0,
    );
    expect(await writer.stop()).toBeGreaterThan(0);
    await expectEqualDocuments({ cluster: gra, index: "loaded" }, { cluster: bhs, index: "loaded" }, 60_000);
    // The lab's disks keep what was acknowledged, so nothing had to be copied again: the history is the leader's.
    expect((await firstShard("loaded")).fatal_exception).toBeUndefined();
  });

  test("while the leader is frozen the lag looks as it was last known", async () => {
    await gra.call("PUT", "/frozen/_doc/1?refresh=true", { body: {} });
    await follow(bhs, "frozen", "gra");
    await eventually("in sync", 15_000, async () => (await firstShard("frozen")).follower_global_checkpoint === 0);
    gra.freeze();
    try {
      const before = (await firstShard("frozen")).time_since_last_read_millis;
      await eventually(
        "time goes by",
        15_000,
        async () => (await firstShard("frozen")).time_since_last_read_millis > before + 500,
      );
      const shard = await firstShard("frozen");
      expect(shard.leader_global_checkpoint).toBe(0);
      expect(shard.follower_global_checkpoint).toBe(0);
      expect(shard.read_exceptions).toEqual([]);
    } finally {
      gra.thaw();
    }
    await gra.call("PUT", "/frozen/_doc/2", { body: {} });
    await expectEqualDocuments({ cluster: gra, index: "frozen" }, { cluster: bhs, index: "frozen" });
  });

  test("with the leader dead a follower can be promoted; unfollow reports the leases and has converted", async () => {
    await gra.call("PUT", "/orphan/_doc/1?refresh=true", { body: {} });
    await follow(bhs, "orphan", "gra");
    await gra.kill();

    await bhs.call("POST", "/orphan/_ccr/pause_follow");
    await bhs.call("POST", "/orphan/_close");
    const unfollowed = await bhs.rest("POST", "/orphan/_ccr/unfollow");
    expect(unfollowed.status).toBeGreaterThanOrEqual(400);
    expect(unfollowed.body.error).toHaveProperty("failed_to_remove_retention_leases");
    expect(await followStatus(bhs, "orphan")).toBeUndefined();
    await bhs.call("POST", "/orphan/_open?wait_for_active_shards=1");
    expect((await bhs.call("PUT", "/orphan/_doc/2", { body: {} }))._seq_no).toBe(1);
  });

  test("the old leader comes back as a follower of the new one, over its closed index", async () => {
    await gra.restart();
    await gra.call("POST", "/orphan/_close");
    await eventually(
      "gra is connected to bhs again",
      30_000,
      async () => (await gra.call("GET", "/_remote/info")).bhs.connected,
    );
    await follow(gra, "orphan", "bhs");
    await expectEqualDocuments({ cluster: bhs, index: "orphan" }, { cluster: gra, index: "orphan" });
    await promote(gra, "orphan");
    expect((await gra.call("PUT", "/orphan/_doc/3", { body: {} }))._seq_no).toBe(2);
  });

  test("a basic licence neither follows nor resumes", async () => {
    await bhs.call("POST", "/_license/start_basic?acknowledge=true");
    const answer = await bhs.rest("PUT", "/unlicensed/_ccr/follow", {
      body: { remote_cluster: "gra", leader_index: "orphan" },
    });
    expect(answer.status).toBe(403);
    expect(answer.body.error.reason).toContain("current license is non-compliant for [ccr]");
  });
});
