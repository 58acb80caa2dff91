import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import { type ClusterPair, startClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import {
  bulk,
  documentsOf,
  expectEqualDocuments,
  follow,
  followerLeases,
  followStatus,
  promote,
  shardStats,
  whileMisbehaving,
} from "./support/ccr.ts";

/**
 * The rules of cross-cluster replication that the watchdog relies on, held by the lab's stand-in inside real nodes. The
 * leader's side is gra, the follower's bhs; each test has indices of its own.
 */

let pair: ClusterPair;
let gra: TestCluster;
let bhs: TestCluster;

beforeAll(async () => {
  pair = await startClusterPair();
  ({ gra, bhs } = pair);
});

afterAll(() => pair?.stop());

async function createLeader(index: string, body: object = {}): Promise<void> {
  await gra.call("PUT", `/${index}`, { body });
}

async function index(cluster: TestCluster, name: string, id: string, document: object): Promise<void> {
  await cluster.call("PUT", `/${name}/_doc/${id}?refresh=true`, { body: document });
}

describe("follow", () => {
  test("copies what is there and then every operation, with ids, sequence numbers, versions and routing", async () => {
    await createLeader("copied", { settings: { number_of_shards: 2 } });
    const documents = Array.from({ length: 500 }, (_, i) => ({
      index: `doc-${i}`,
      document: { i },
      routing: `r${i % 7}`,
    }));
    await bulk(gra, "copied", documents);
    await bulk(gra, "copied", [
      { update: "doc-1", document: { updated: true }, routing: "r1" },
      { delete: "doc-2", routing: "r2" },
    ]);

    await follow(bhs, "copied", "gra");
    await bulk(gra, "copied", [
      { index: "late", document: { late: true } },
      { update: "doc-3", document: { updated: "after" }, routing: "r3" },
      { delete: "doc-4", routing: "r4" },
      { index: "doc-2", document: { again: true }, routing: "r2" },
    ]);

    await expectEqualDocuments({ cluster: gra, index: "copied" }, { cluster: bhs, index: "copied" });
    expect(await documentsOf(bhs, "copied")).toHaveLength(500);
  });

  test("copies documents whose earlier versions the leader has forgotten", async () => {
    await createLeader("merged", { settings: { "index.soft_deletes.retention_lease.period": "0s" } });
    for (const round of [1, 2, 3]) await index(gra, "merged", "same", { round });
    await index(gra, "merged", "deleted", {});
    await gra.call("DELETE", "/merged/_doc/deleted?refresh=true");
    await gra.call("POST", "/merged/_flush?force=true");
    await gra.call("POST", "/merged/_forcemerge?max_num_segments=1");

    await follow(bhs, "merged", "gra");
    await index(gra, "merged", "new", {});

    await expectEqualDocuments({ cluster: gra, index: "merged" }, { cluster: bhs, index: "merged" });
  });

  test("starts in the background when not told to wait", async () => {
    await createLeader("unawaited");
    const answer = await bhs.call("PUT", "/unawaited/_ccr/follow", {
      body: { remote_cluster: "gra", leader_index: "unawaited" },
    });
    expect(answer).toEqual({
      follow_index_created: true,
      follow_index_shards_acked: false,
      index_following_started: false,
    });
    await eventually("following starts", 15_000, async () => (await followStatus(bhs, "unawaited")) === "active");
  });

  test("answers 404 for a missing leader and creates nothing", async () => {
    const answer = await bhs.rest("PUT", "/no-leader/_ccr/follow", {
      body: { remote_cluster: "gra", leader_index: "no-leader" },
    });
    expect(answer.status).toBe(404);
    expect(answer.body.error.type).toBe("index_not_found_exception");
    expect((await bhs.rest("HEAD", "/no-leader")).status).toBe(404);
  });

  test("answers 404 for an unknown remote cluster", async () => {
    const answer = await bhs.rest("PUT", "/no-remote/_ccr/follow", {
      body: { remote_cluster: "nowhere", leader_index: "no-remote" },
    });
    expect([answer.status, answer.body.error.type]).toEqual([404, "no_such_remote_cluster_exception"]);
  });

  test("refuses to take the place of an open index and leaves it alone", async () => {
    await createLeader("occupied");
    await index(bhs, "occupied", "mine", { mine: true });
    const answer = await bhs.rest("PUT", "/occupied/_ccr/follow?wait_for_active_shards=1", {
      body: { remote_cluster: "gra", leader_index: "occupied" },
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body.error.reason).toContain("because an open index with same name already exists in the cluster");
    expect(await documentsOf(bhs, "occupied")).toHaveLength(1);
    expect(await followStatus(bhs, "occupied")).toBeUndefined();
  });

  test("replaces a closed index of the same name", async () => {
    await createLeader("replaced");
    await index(gra, "replaced", "leaders", {});
    await index(bhs, "replaced", "old", {});
    await bhs.call("POST", "/replaced/_close");
    await follow(bhs, "replaced", "gra");
    await expectEqualDocuments({ cluster: gra, index: "replaced" }, { cluster: bhs, index: "replaced" });
  });

  test("lets no index template of the follower's cluster have a say", async () => {
    await bhs.call("PUT", "/_index_template/in-the-way", {
      body: {
        index_patterns: ["templated*"],
        template: { aliases: { "from-template": {} }, mappings: { properties: { field: { type: "long" } } } },
      },
    });
    await createLeader("templated", { mappings: { properties: { field: { type: "keyword" } } } });
    await follow(bhs, "templated", "gra");
    const { templated } = await bhs.call("GET", "/templated");
    expect(templated.aliases).toEqual({});
    expect(templated.mappings.properties.field.type).toBe("keyword");
  });
});

describe("a follower", () => {
  test("refuses writes with 403, in a bulk request item by item", async () => {
    await createLeader("read-only");
    await follow(bhs, "read-only", "gra");
    const reason = "a following engine does not accept operations without an assigned sequence number";

    const single = await bhs.rest("PUT", "/read-only/_doc/1", { body: {} });
    expect(single.status).toBe(403);
    expect(single.body.error.reason).toContain(reason);

    const answer = await bulk(bhs, "read-only", [{ index: "1", document: {} }, { delete: "2" }]);
    expect(answer.items.map((item) => Object.values(item)[0]?.status)).toEqual([403, 403]);
    expect(Object.values(answer.items[0] ?? {})[0]?.error?.reason).toContain(reason);
  });

  test("refuses changes of its mapping and aliases with 403", async () => {
    await createLeader("guarded");
    await follow(bhs, "guarded", "gra");
    const mapping = await bhs.rest("PUT", "/guarded/_mapping", { body: { properties: { own: { type: "keyword" } } } });
    expect(mapping.status).toBe(403);
    const alias = await bhs.rest("PUT", "/guarded/_alias/own");
    expect(alias.status).toBe(403);
  });

  test("takes over mappings, settings and aliases, but never the write index of an alias", async () => {
    await createLeader("metadata", {
      settings: { number_of_replicas: 0 },
      aliases: { first: { is_write_index: true } },
    });
    await follow(bhs, "metadata", "gra");
    expect((await bhs.call("GET", "/metadata/_alias")).metadata.aliases).toEqual({ first: { is_write_index: false } });

    await gra.call("POST", "/_aliases", {
      body: {
        actions: [
          { add: { index: "metadata", alias: "second", is_write_index: true, filter: { term: { kind: "x" } } } },
          { remove: { index: "metadata", alias: "first" } },
        ],
      },
    });
    await gra.call("PUT", "/metadata/_settings", {
      body: { "index.mapping.total_fields.limit": 2000, "index.number_of_replicas": 1 },
    });
    await gra.call("PUT", "/metadata/_mapping", { body: { properties: { kind: { type: "keyword" } } } });
    await index(gra, "metadata", "1", { kind: "x", dynamic: "field" });

    await expectEqualDocuments({ cluster: gra, index: "metadata" }, { cluster: bhs, index: "metadata" });
    const { metadata } = await bhs.call("GET", "/metadata");
    expect(metadata.aliases).toEqual({ second: { is_write_index: false, filter: { term: { kind: "x" } } } });
    expect(metadata.settings.index.mapping.total_fields.limit).toBe("2000");
    expect(metadata.settings.index.number_of_replicas).toBe("0");
    expect(metadata.mappings).toEqual((await gra.call("GET", "/metadata")).metadata.mappings);
  });

  test("takes over a setting that needs a closed index, and goes on", async () => {
    await createLeader("analysed");
    await follow(bhs, "analysed", "gra");
    await gra.call("POST", "/analysed/_close");
    await gra.call("PUT", "/analysed/_settings", {
      body: { "index.analysis.analyzer.own": { type: "custom", tokenizer: "standard" } },
    });
    await gra.call("POST", "/analysed/_open?wait_for_active_shards=1");
    await gra.call("PUT", "/analysed/_mapping", { body: { properties: { text: { type: "text", analyzer: "own" } } } });
    await index(gra, "analysed", "1", { text: "some words" });

    await expectEqualDocuments({ cluster: gra, index: "analysed" }, { cluster: bhs, index: "analysed" });
    const { analysed } = await bhs.call("GET", "/analysed");
    expect(analysed.settings.index.analysis.analyzer.own.tokenizer).toBe("standard");
  });
});

describe("pause and resume", () => {
  test("a paused follower stands still, and resumes where it was", async () => {
    await createLeader("paused");
    await index(gra, "paused", "before", {});
    await follow(bhs, "paused", "gra");
    expect(await followStatus(bhs, "paused")).toBe("active");

    expect(await bhs.call("POST", "/paused/_ccr/pause_follow")).toEqual({ acknowledged: true });
    expect(await followStatus(bhs, "paused")).toBe("paused");
    expect((await bhs.rest("GET", "/paused/_ccr/stats")).status).toBe(404);
    await index(gra, "paused", "during", {});
    expect(await documentsOf(bhs, "paused")).toHaveLength(1);

    expect(await bhs.call("POST", "/paused/_ccr/resume_follow")).toEqual({ acknowledged: true });
    await expectEqualDocuments({ cluster: gra, index: "paused" }, { cluster: bhs, index: "paused" });
  });

  test("pausing what is paused, resuming what is active, and either of no follower is refused with 400", async () => {
    await createLeader("twice");
    await follow(bhs, "twice", "gra");
    expect((await bhs.rest("POST", "/twice/_ccr/resume_follow")).status).toBe(400);
    await bhs.call("POST", "/twice/_ccr/pause_follow");
    expect((await bhs.rest("POST", "/twice/_ccr/pause_follow")).status).toBe(400);

    await bhs.call("PUT", "/no-follower");
    expect((await bhs.rest("POST", "/no-follower/_ccr/pause_follow")).status).toBe(400);
    expect((await bhs.rest("POST", "/no-follower/_ccr/resume_follow")).status).toBe(400);
    expect((await bhs.rest("POST", "/not-there/_ccr/pause_follow")).status).toBe(404);
  });

  test("a leader that was deleted and made anew is not resumed", async () => {
    await createLeader("remade");
    await follow(bhs, "remade", "gra");
    await bhs.call("POST", "/remade/_ccr/pause_follow");
    await gra.call("DELETE", "/remade");
    await createLeader("remade");
    const answer = await bhs.rest("POST", "/remade/_ccr/resume_follow");
    expect(answer.status).toBe(400);
    expect(answer.body.error.reason).toContain("should reference");
  });
});

describe("unfollow", () => {
  test("is refused with 400 unless the follower is paused and closed", async () => {
    await createLeader("hasty");
    await follow(bhs, "hasty", "gra");
    const running = await bhs.rest("POST", "/hasty/_ccr/unfollow");
    expect([running.status, running.body.error.reason]).toEqual([
      400,
      "cannot convert the follower index [hasty] to a non-follower, because it has not been paused",
    ]);
    await bhs.call("POST", "/hasty/_ccr/pause_follow");
    const open = await bhs.rest("POST", "/hasty/_ccr/unfollow");
    expect([open.status, open.body.error.reason]).toEqual([
      400,
      "cannot convert the follower index [hasty] to a non-follower, because it has not been closed",
    ]);
  });

  test("makes a common index that takes writes and continues the leader's sequence numbers", async () => {
    await createLeader("promoted");
    await index(gra, "promoted", "1", {});
    await index(gra, "promoted", "2", {});
    await follow(bhs, "promoted", "gra");
    expect(await followerLeases(gra, "promoted")).toHaveLength(1);

    await promote(bhs, "promoted");

    expect(await followStatus(bhs, "promoted")).toBeUndefined();
    expect((await bhs.call("GET", "/promoted/_settings")).promoted.settings.index.xpack).toBeUndefined();
    const written = await bhs.call("PUT", "/promoted/_doc/3", { body: {} });
    expect(written._seq_no).toBe(2);
    expect(await followerLeases(gra, "promoted")).toEqual([]);
  });

  test("of what is no follower is refused with 400", async () => {
    await bhs.call("PUT", "/common");
    expect((await bhs.rest("POST", "/common/_ccr/unfollow")).status).toBe(400);
  });

  test("that cannot remove its leases says so and has converted the index; forget_follower cleans up", async () => {
    await createLeader("leased");
    await follow(bhs, "leased", "gra");
    const followerUuid = (await bhs.call("GET", "/leased/_settings")).leased.settings.index.uuid;
    await bhs.call("POST", "/leased/_ccr/pause_follow");
    await bhs.call("POST", "/leased/_close");

    await whileMisbehaving(bhs, "lease_removal_fails", ["leased"], async () => {
      const answer = await bhs.rest("POST", "/leased/_ccr/unfollow");
      expect(answer.status).toBeGreaterThanOrEqual(500);
      const [lease] = await followerLeases(gra, "leased");
      expect(answer.body.error["failed_to_remove_retention_leases"]).toEqual(lease);
    });
    expect(await followStatus(bhs, "leased")).toBeUndefined();
    expect((await bhs.rest("POST", "/leased/_ccr/unfollow")).status).toBe(400);

    const forgotten = await gra.call("POST", "/leased/_ccr/forget_follower", {
      body: {
        follower_cluster: "bhs",
        follower_index: "leased",
        follower_index_uuid: followerUuid,
        leader_remote_cluster: "gra",
      },
    });
    expect(forgotten._shards).toMatchObject({ total: 1, successful: 1, failed: 0 });
    expect(await followerLeases(gra, "leased")).toEqual([]);
  });
});

describe("info and stats", () => {
  test("info names the leader and the parameters in force", async () => {
    await createLeader("informed");
    await follow(bhs, "informed-copy", "gra", "informed");
    const info = await bhs.call("GET", "/informed-copy/_ccr/info");
    expect(info.follower_indices).toEqual([
      expect.objectContaining({
        follower_index: "informed-copy",
        remote_cluster: "gra",
        leader_index: "informed",
        status: "active",
        parameters: expect.objectContaining({ max_read_request_operation_count: 5120, max_retry_delay: "500ms" }),
      }),
    ]);
  });

  test("stats reach the leader's checkpoint and are the same for one index and for all", async () => {
    await createLeader("counted");
    await index(gra, "counted", "1", {});
    await index(gra, "counted", "2", {});
    await follow(bhs, "counted", "gra");
    await eventually("checkpoints are equal", 15_000, async () => {
      const [shard] = await shardStats(bhs, "counted");
      return shard?.follower_global_checkpoint === 1 && shard.leader_global_checkpoint === 1;
    });
    const [shard] = await shardStats(bhs, "counted");
    expect(shard).toMatchObject({
      remote_cluster: "gra",
      leader_index: "counted",
      follower_index: "counted",
      shard_id: 0,
      read_exceptions: [],
    });
    expect(shard?.time_since_last_read_millis).toBeGreaterThanOrEqual(0);
    const all = await bhs.call("GET", "/_ccr/stats");
    const names = all.follow_stats.indices.map((each: { index: string }) => each.index);
    expect(names).toContain("counted");
    expect(all.auto_follow_stats).toHaveProperty("recent_auto_follow_errors");
  });

  test("of no follower, stats answer 404 and info nothing", async () => {
    await bhs.call("PUT", "/plain");
    expect((await bhs.rest("GET", "/plain/_ccr/stats")).status).toBe(404);
    expect((await bhs.call("GET", "/plain/_ccr/info")).follower_indices).toEqual([]);
    expect((await bhs.rest("GET", "/not-there/_ccr/info")).status).toBe(404);
  });
});

describe("auto-follow", () => {
  const put = (name: string, patterns: string[], more: object = {}) =>
    bhs.call("PUT", `/_ccr/auto_follow/${name}`, {
      body: { remote_cluster: "gra", leader_index_patterns: patterns, ...more },
    });

  test("takes new indices, but none that were there before and none that are excluded", async () => {
    await createLeader("auto-before");
    expect(await put("auto", ["auto-*"], { leader_index_exclusion_patterns: ["auto-not-*"] })).toEqual({
      acknowledged: true,
    });
    await createLeader("auto-not-this");
    await createLeader("auto-after");
    await index(gra, "auto-after", "1", {});

    await eventually(
      "auto-after is followed",
      30_000,
      async () => (await followStatus(bhs, "auto-after")) === "active",
    );
    await expectEqualDocuments({ cluster: gra, index: "auto-after" }, { cluster: bhs, index: "auto-after" });
    expect((await bhs.rest("HEAD", "/auto-before")).status).toBe(404);
    expect((await bhs.rest("HEAD", "/auto-not-this")).status).toBe(404);
    const stats = await bhs.call("GET", "/_ccr/stats");
    expect(stats.auto_follow_stats.number_of_successful_follow_indices).toBeGreaterThanOrEqual(1);
  });

  test("does nothing while paused, and follows afterwards what came meanwhile", async () => {
    await put("halting", ["halting-*"]);
    expect(await bhs.call("POST", "/_ccr/auto_follow/halting/pause")).toEqual({ acknowledged: true });
    const shown = await bhs.call("GET", "/_ccr/auto_follow/halting");
    expect(shown.patterns[0].pattern).toMatchObject({ active: false, remote_cluster: "gra" });

    // What the other pattern does with an index that came later tells when this one would have acted.
    await put("running", ["running-*"]);
    await createLeader("halting-1");
    await createLeader("running-1");
    await eventually(
      "running-1 is followed",
      30_000,
      async () => (await bhs.rest("HEAD", "/running-1")).status === 200,
    );
    expect((await bhs.rest("HEAD", "/halting-1")).status).toBe(404);

    await bhs.call("POST", "/_ccr/auto_follow/halting/resume");
    await eventually(
      "halting-1 is followed",
      30_000,
      async () => (await bhs.rest("HEAD", "/halting-1")).status === 200,
    );
  });

  test("names followers by its pattern and tells of follows that failed", async () => {
    await bhs.call("PUT", "/copy-of-named-2");
    await put("named", ["named-*"], { follow_index_pattern: "copy-of-{{leader_index}}" });
    await createLeader("named-1");
    await createLeader("named-2");
    await eventually("copy-of-named-1", 30_000, async () => (await followStatus(bhs, "copy-of-named-1")) === "active");
    await eventually("the failure is told", 30_000, async () => {
      const stats = await bhs.call("GET", "/_ccr/stats");
      const errors = stats.auto_follow_stats.recent_auto_follow_errors as { leader_index: string }[];
      return errors.some((error) => error.leader_index === "named:named-2");
    });
    await bhs.call("DELETE", "/_ccr/auto_follow/named");
  });

  test("a pattern that is not there answers 404", async () => {
    expect((await bhs.rest("GET", "/_ccr/auto_follow/none")).status).toBe(404);
    expect((await bhs.rest("DELETE", "/_ccr/auto_follow/none")).status).toBe(404);
    expect((await bhs.rest("POST", "/_ccr/auto_follow/none/pause")).status).toBe(404);
  });

  test("a deleted pattern takes nothing more, and what it took goes on", async () => {
    await put("ending", ["ending-*"]);
    await createLeader("ending-1");
    await eventually("ending-1 is followed", 30_000, async () => (await bhs.rest("HEAD", "/ending-1")).status === 200);
    expect(await bhs.call("DELETE", "/_ccr/auto_follow/ending")).toEqual({ acknowledged: true });
    await put("watch", ["watch-*"]);
    await createLeader("ending-2");
    await createLeader("watch-1");
    await eventually("watch-1 is followed", 30_000, async () => (await bhs.rest("HEAD", "/watch-1")).status === 200);
    expect((await bhs.rest("HEAD", "/ending-2")).status).toBe(404);
    await index(gra, "ending-1", "1", {});
    await expectEqualDocuments({ cluster: gra, index: "ending-1" }, { cluster: bhs, index: "ending-1" });
  });
});

describe("privileges", () => {
  const user = (name: string) => ({ username: name, password: "contract-password" });

  async function createUser(name: string, cluster: string[], names: string[], privileges: string[]): Promise<void> {
    const role = { cluster, indices: [{ names, privileges }] };
    for (const side of [gra, bhs]) {
      await side.call("PUT", `/_security/role/${name}`, { body: role });
      await side.call("PUT", `/_security/user/${name}`, { body: { password: user(name).password, roles: [name] } });
    }
  }

  test("following needs manage_ccr here and read on the leader, and replicates with no more than that", async () => {
    await createUser(
      "replicator",
      ["manage_ccr", "monitor"],
      ["owned*"],
      ["manage_follow_index", "read", "monitor", "write"],
    );
    await createLeader("owned");
    await index(gra, "owned", "1", {});
    const answer = await bhs.rest("PUT", "/owned/_ccr/follow?wait_for_active_shards=1", {
      body: { remote_cluster: "gra", leader_index: "owned" },
      as: user("replicator"),
    });
    expect(answer.status).toBe(200);
    await expectEqualDocuments({ cluster: gra, index: "owned" }, { cluster: bhs, index: "owned" });
    const foreign = await bhs.rest("PUT", "/foreign/_ccr/follow", {
      body: { remote_cluster: "gra", leader_index: "copied" },
      as: user("replicator"),
    });
    expect(foreign.status).toBe(403);
  });

  test("monitor sees statistics and status, changes nothing, and sees no patterns", async () => {
    await createUser("watcher", ["monitor"], ["*"], ["monitor"]);
    await createLeader("watched");
    await follow(bhs, "watched", "gra");
    const status = async (method: string, path: string) =>
      (await bhs.rest(method, path, { as: user("watcher") })).status;
    expect(await status("GET", "/_ccr/stats")).toBe(200);
    expect(await status("GET", "/watched/_ccr/stats")).toBe(200);
    expect(await status("GET", "/watched/_ccr/info")).toBe(200);
    expect(await status("POST", "/watched/_ccr/pause_follow")).toBe(403);
    expect(await status("GET", "/_ccr/auto_follow")).toBe(403);
  });
});

describe("misbehaviour on demand", () => {
  test("a fatal exception stops the follower until it is paused and resumed", async () => {
    await createLeader("fatal");
    await follow(bhs, "fatal", "gra");
    await whileMisbehaving(bhs, "fatal", ["fatal"], () =>
      eventually(
        "fatal exception",
        15_000,
        async () => (await shardStats(bhs, "fatal"))[0]?.fatal_exception !== undefined,
      ),
    );
    await index(gra, "fatal", "1", {});
    expect(await followStatus(bhs, "fatal")).toBe("active");
    expect(await documentsOf(bhs, "fatal")).toEqual([]);

    await bhs.call("POST", "/fatal/_ccr/pause_follow");
    await bhs.call("POST", "/fatal/_ccr/resume_follow");
    await expectEqualDocuments({ cluster: gra, index: "fatal" }, { cluster: bhs, index: "fatal" });
  });

  test("failing reads are counted, shown and retried", async () => {
    await createLeader("failing");
    await follow(bhs, "failing", "gra");
    await whileMisbehaving(bhs, "read_fails", ["failing"], async () => {
      await index(gra, "failing", "1", {});
      await eventually("failures are shown", 15_000, async () => {
        const [shard] = await shardStats(bhs, "failing");
        return shard !== undefined && shard.failed_read_requests > 1 && shard.read_exceptions.length === 1;
      });
      expect((await shardStats(bhs, "failing"))[0]?.fatal_exception).toBeUndefined();
    });
    // A read that waits for something to read has not succeeded yet: the exception stays until it has.
    await index(gra, "failing", "2", {});
    await expectEqualDocuments({ cluster: gra, index: "failing" }, { cluster: bhs, index: "failing" });
    expect((await shardStats(bhs, "failing"))[0]?.read_exceptions).toEqual([]);
  });

  test("a stalled follower knows of no lag", async () => {
    await createLeader("stalled");
    await follow(bhs, "stalled", "gra");
    await whileMisbehaving(bhs, "stalls", ["stalled"], async () => {
      await index(gra, "stalled", "1", {});
      await eventually("nothing has been read for a second", 30_000, async () => {
        const [shard] = await shardStats(bhs, "stalled");
        return (shard?.time_since_last_read_millis ?? 0) > 1000;
      });
      const [shard] = await shardStats(bhs, "stalled");
      expect(shard?.leader_global_checkpoint).toBe(shard?.follower_global_checkpoint);
      expect(await documentsOf(bhs, "stalled")).toEqual([]);
    });
    await expectEqualDocuments({ cluster: gra, index: "stalled" }, { cluster: bhs, index: "stalled" });
  });

  test.each(["pause_hangs", "unfollow_hangs"] as const)("%s: no answer comes and nothing is changed", async (kind) => {
    const name = kind.replace("_", "-");
    const call = kind === "pause_hangs" ? "pause_follow" : "unfollow";
    await createLeader(name);
    await follow(bhs, name, "gra");
    if (kind === "unfollow_hangs") {
      await bhs.call("POST", `/${name}/_ccr/pause_follow`);
      await bhs.call("POST", `/${name}/_close`);
    }
    await whileMisbehaving(bhs, kind, [name], async () => {
      await expect(bhs.rest("POST", `/${name}/_ccr/${call}`, { timeoutMs: 1500 })).rejects.toThrow();
    });
    expect(await followStatus(bhs, name)).toBe(kind === "pause_hangs" ? "active" : "paused");
    expect((await bhs.rest("POST", `/${name}/_ccr/${call}`)).status).toBe(200);
  });

  test("an unknown kind of misbehaviour is refused", async () => {
    const answer = await bhs.rest("PUT", "/_cluster/settings", {
      body: { persistent: { "lab_ccr.misbehave.nonsense": ["*"] } },
    });
    expect(answer.status).toBe(400);
  });
});
