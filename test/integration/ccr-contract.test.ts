import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import {
  bulk,
  documentsOf,
  expectEqualDocuments,
  firstShard,
  follow,
  followerLeases,
  followStatus,
  promote,
  quickRetries,
  refusal,
  shardStats,
  write,
} from "./support/ccr.ts";
import { type ContractPair, contractPair, type RestCluster } from "./support/ccr-pair.ts";

/**
 * The rules of cross-cluster replication that the watchdog relies on. They hold for Elastic's own module and for the
 * lab's stand-in; `npm run ccr-contract` asks any pair of clusters. Each test has indices of its own.
 */

let pair: ContractPair;
let leader: RestCluster;
let follower: RestCluster;
let remote: string;

beforeAll(async () => {
  pair = await contractPair();
  ({ leader, follower, remote } = pair);
});

afterAll(() => pair?.stop());

/** Creates a leader index and returns its full name. */
async function createLeader(name: string, body: object = {}): Promise<string> {
  const index = pair.named(name);
  await leader.call("PUT", `/${index}`, { body });
  return index;
}

/** A leader index that is followed under its own name. */
async function createFollowed(name: string, body: object = {}): Promise<string> {
  const index = await createLeader(name, body);
  await follow(follower, index, remote);
  return index;
}

const expectEqual = (index: string) =>
  expectEqualDocuments({ cluster: leader, index }, { cluster: follower, index }, 60_000);

const exists = async (cluster: RestCluster, index: string) => (await cluster.rest("HEAD", `/${index}`)).status === 200;

describe("follow", () => {
  test("copies what is there and then every operation, with ids, sequence numbers, versions and routing", async () => {
    const index = await createLeader("copied", { settings: { number_of_shards: 2 } });
    const documents = Array.from({ length: 500 }, (_, i) => ({
      index: `doc-${i}`,
      document: { i },
      routing: `r${i % 7}`,
    }));
    await bulk(leader, index, documents);
    await bulk(leader, index, [
      { update: "doc-1", document: { updated: true }, routing: "r1" },
      { delete: "doc-2", routing: "r2" },
    ]);

    await follow(follower, index, remote);
    await bulk(leader, index, [
      { index: "late", document: { late: true } },
      { update: "doc-3", document: { updated: "after" }, routing: "r3" },
      { delete: "doc-4", routing: "r4" },
      { index: "doc-2", document: { again: true }, routing: "r2" },
    ]);

    await expectEqual(index);
    expect(await documentsOf(follower, index)).toHaveLength(500);
  });

  test("copies documents whose earlier versions the leader has forgotten", async () => {
    const index = await createLeader("merged", { settings: { "index.soft_deletes.retention_lease.period": "0s" } });
    for (const round of [1, 2, 3]) await write(leader, index, "same", { round });
    await write(leader, index, "deleted");
    await leader.call("DELETE", `/${index}/_doc/deleted?refresh=true`);
    await leader.call("POST", `/${index}/_flush?force=true`);
    await leader.call("POST", `/${index}/_forcemerge?max_num_segments=1`);

    await follow(follower, index, remote);
    await write(leader, index, "new");

    await expectEqual(index);
  });

  test("starts in the background when not told to wait", async () => {
    const index = await createLeader("unawaited");
    const answer = await follower.call("PUT", `/${index}/_ccr/follow`, {
      body: { remote_cluster: remote, leader_index: index },
    });
    expect(answer).toEqual({
      follow_index_created: true,
      follow_index_shards_acked: false,
      index_following_started: false,
    });
    await eventually("following starts", 30_000, async () => (await followStatus(follower, index)) === "active");
  });

  test("answers 404 for a missing leader and creates nothing", async () => {
    const index = pair.named("no-leader");
    const refused = await refusal(follower, "PUT", `/${index}/_ccr/follow`, {
      remote_cluster: remote,
      leader_index: index,
    });
    expect(refused).toMatchObject({ status: 404, type: "index_not_found_exception" });
    expect(await exists(follower, index)).toBe(false);
  });

  test("answers 404 for an unknown remote cluster", async () => {
    const index = pair.named("no-remote");
    const refused = await refusal(follower, "PUT", `/${index}/_ccr/follow`, {
      remote_cluster: pair.named("nowhere"),
      leader_index: index,
    });
    expect(refused).toMatchObject({ status: 404, type: "no_such_remote_cluster_exception" });
  });

  test("over an open index is refused with 500 and leaves it alone", async () => {
    const index = await createLeader("occupied");
    await write(follower, index, "mine", { mine: true });
    const refused = await refusal(follower, "PUT", `/${index}/_ccr/follow?wait_for_active_shards=1`, {
      remote_cluster: remote,
      leader_index: index,
    });
    expect(refused).toMatchObject({ status: 500, type: "snapshot_restore_exception" });
    expect(refused.reason).toContain(
      `cannot restore index [${index}] because an open index with same name already exists in the cluster`,
    );
    expect(await documentsOf(follower, index)).toHaveLength(1);
    expect(await followStatus(follower, index)).toBeUndefined();
  });

  test("over a closed index replaces what is in it and keeps its UUID", async () => {
    const index = await createLeader("replaced");
    await write(leader, index, "leaders");
    await write(follower, index, "old");
    const before = await uuidOf(index);
    await follower.call("POST", `/${index}/_close`);
    await follow(follower, index, remote);
    await expectEqual(index);
    expect(await uuidOf(index)).toBe(before);
  });

  test("over a closed index with another number of shards is refused with 500", async () => {
    const index = await createLeader("resharded", { settings: { number_of_shards: 2 } });
    await follower.call("PUT", `/${index}`, { body: { settings: { number_of_shards: 1 } } });
    await follower.call("POST", `/${index}/_close`);
    const refused = await refusal(follower, "PUT", `/${index}/_ccr/follow`, {
      remote_cluster: remote,
      leader_index: index,
    });
    expect(refused).toMatchObject({ status: 500, type: "snapshot_restore_exception" });
    expect(refused.reason).toContain(
      `cannot restore index [${index}] with [1] shards from a snapshot of index [${index}] with [2] shards`,
    );
  });

  test("lets no index template of the follower's cluster have a say", async () => {
    const template = pair.named("in-the-way");
    await follower.call("PUT", `/_index_template/${template}`, {
      body: {
        index_patterns: [`${pair.named("templated")}*`],
        template: { aliases: { "from-template": {} }, mappings: { properties: { field: { type: "long" } } } },
      },
    });
    try {
      const index = await createFollowed("templated", { mappings: { properties: { field: { type: "keyword" } } } });
      const created = (await follower.call("GET", `/${index}`))[index];
      expect(created.aliases).toEqual({});
      expect(created.mappings.properties.field.type).toBe("keyword");
    } finally {
      await follower.call("DELETE", `/_index_template/${template}`);
    }
  });
});

async function uuidOf(index: string): Promise<string> {
  return (await follower.call("GET", `/${index}/_settings`))[index].settings.index.uuid;
}

describe("a follower", () => {
  test("refuses writes with 403, in a bulk request item by item", async () => {
    const index = await createFollowed("read-only");
    const reason = "a following engine does not accept operations without an assigned sequence number";

    const single = await refusal(follower, "PUT", `/${index}/_doc/1`, {});
    expect(single.status).toBe(403);
    expect(single.reason).toContain(reason);

    const answer = await bulk(follower, index, [{ index: "1", document: {} }, { delete: "2" }]);
    expect(answer.items.map((item) => Object.values(item)[0]?.status)).toEqual([403, 403]);
    expect(Object.values(answer.items[0] ?? {})[0]?.error?.reason).toContain(reason);
  });

  test("refuses changes of its mapping and aliases with 403: they are self-replicated from its leader", async () => {
    const index = await createFollowed("guarded");
    const body = { properties: { own: { type: "keyword" } } };
    for (const refused of [
      await refusal(follower, "PUT", `/${index}/_mapping`, body),
      await refusal(follower, "PUT", `/${index}/_alias/own`),
    ]) {
      expect(refused.status).toBe(403);
      expect(refused.reason).toContain("self-replicated from");
    }
  });

  test("takes changes of its settings and blocks", async () => {
    const index = await createFollowed("adjusted");
    for (const settings of [
      { "index.refresh_interval": "7s" },
      { "index.blocks.write": true },
      { "index.blocks.write": null },
    ]) {
      expect(await follower.call("PUT", `/${index}/_settings`, { body: settings })).toEqual({ acknowledged: true });
    }
    const { settings } = (await follower.call("GET", `/${index}/_settings`))[index];
    expect(settings.index.refresh_interval).toBe("7s");
  });

  test("begins with its leader's settings, replicas and hiding included", async () => {
    const index = await createFollowed("configured", {
      settings: {
        number_of_replicas: 0,
        "index.hidden": true,
        "index.refresh_interval": "11s",
        "index.mapping.total_fields.limit": 1234,
      },
    });
    const { settings } = (await follower.call("GET", `/${index}/_settings`))[index];
    expect(settings.index).toMatchObject({
      number_of_replicas: "0",
      hidden: "true",
      refresh_interval: "11s",
      mapping: { total_fields: { limit: "1234" } },
    });
  });

  test("has its leader's aliases soon after the copy, filters and routing kept, never to write through", async () => {
    const index = await createLeader("aliased", {
      aliases: {
        [pair.named("written")]: { is_write_index: true, filter: { term: { kind: "x" } } },
        [pair.named("routed")]: { index_routing: "a", search_routing: "a,b" },
      },
    });
    await follow(follower, index, remote);
    await eventually("aliases", 10_000, async () => Object.keys(await aliasesOf(index)).length === 2);
    expect(await aliasesOf(index)).toEqual({
      [pair.named("written")]: { is_write_index: false, filter: { term: { kind: "x" } } },
      [pair.named("routed")]: { is_write_index: false, index_routing: "a", search_routing: "a,b" },
    });
  });

  test("takes a changed alias over with its next read, without any write", async () => {
    const index = await createLeader("alias-alone");
    await follow(follower, index, remote, index, quickRetries);
    const alias = pair.named("alone");
    await leader.call("PUT", `/${index}/_alias/${alias}`);
    await eventually("the alias has come", 30_000, async () => alias in (await aliasesOf(index)));
    await leader.call("DELETE", `/${index}/_alias/${alias}`);
    await eventually("the alias is gone", 30_000, async () => !(alias in (await aliasesOf(index))));
  });

  test("shows an alias that is hidden on its leader", async () => {
    const alias = pair.named("hidden");
    const index = await createFollowed("hidden-alias", { aliases: { [alias]: { is_hidden: true } } });
    await eventually("aliases", 10_000, async () => Object.keys(await aliasesOf(index)).length === 1);
    expect(await aliasesOf(index)).toEqual({ [alias]: { is_write_index: false } });
  });

  test("takes over mappings, settings and aliases with the next write, but never the write index of an alias", async () => {
    const [first, second] = [pair.named("first"), pair.named("second")];
    const index = await createFollowed("metadata", {
      settings: { number_of_replicas: 0 },
      aliases: { [first]: { is_write_index: true } },
    });

    const added = { index, alias: second, is_write_index: true, filter: { term: { kind: "x" } } };
    await leader.call("POST", "/_aliases", {
      body: { actions: [{ add: added }, { remove: { index, alias: first } }] },
    });
    await leader.call("PUT", `/${index}/_settings`, {
      body: { "index.mapping.total_fields.limit": 2000, "index.number_of_replicas": 1 },
    });
    await leader.call("PUT", `/${index}/_mapping`, { body: { properties: { kind: { type: "keyword" } } } });
    await write(leader, index, "1", { kind: "x", dynamic: "field" });

    await expectEqual(index);
    const metadata = (await follower.call("GET", `/${index}`))[index];
    expect(metadata.aliases).toEqual({ [second]: { is_write_index: false, filter: { term: { kind: "x" } } } });
    expect(metadata.settings.index.mapping.total_fields.limit).toBe("2000");
    expect(metadata.settings.index.number_of_replicas).toBe("0");
    expect(metadata.mappings).toEqual((await leader.call("GET", `/${index}`))[index].mappings);
  });

  test("takes over a setting that needs a closed index, and goes on", async () => {
    const index = await createLeader("analysed");
    await follow(follower, index, remote, index, { read_poll_timeout: "1s" });
    await leader.call("POST", `/${index}/_close`);
    await leader.call("PUT", `/${index}/_settings`, {
      body: { "index.analysis.analyzer.own": { type: "custom", tokenizer: "standard" } },
    });
    await leader.call("POST", `/${index}/_open?wait_for_active_shards=1`);
    await leader.call("PUT", `/${index}/_mapping`, {
      body: { properties: { text: { type: "text", analyzer: "own" } } },
    });
    await write(leader, index, "1", { text: "some words" });

    await expectEqual(index);
    const { settings } = (await follower.call("GET", `/${index}`))[index];
    expect(settings.index.analysis.analyzer.own.tokenizer).toBe("standard");
  });
});

async function aliasesOf(index: string): Promise<Record<string, object>> {
  return (await follower.call("GET", `/${index}/_alias`))[index].aliases;
}

describe("pause and resume", () => {
  test("a paused follower stands still, and resumes where it was", async () => {
    const index = await createLeader("paused");
    await write(leader, index, "before");
    await follow(follower, index, remote);
    await expectEqual(index);
    expect(await followStatus(follower, index)).toBe("active");

    expect(await follower.call("POST", `/${index}/_ccr/pause_follow`)).toEqual({ acknowledged: true });
    expect(await followStatus(follower, index)).toBe("paused");
    expect((await follower.rest("GET", `/${index}/_ccr/stats`)).status).toBe(404);
    await write(leader, index, "during");
    expect(await documentsOf(follower, index)).toHaveLength(1);

    expect(await follower.call("POST", `/${index}/_ccr/resume_follow`)).toEqual({ acknowledged: true });
    await expectEqual(index);
  });

  test("until its first read a resumed follower shows no lag, however far behind it is", async () => {
    const index = await createFollowed("unread");
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    await bulk(
      leader,
      index,
      [1, 2, 3].map((i) => ({ index: `${i}`, document: { i } })),
    );
    const blockReads = (on: true | null) =>
      leader.call("PUT", `/${index}/_settings`, { body: { "index.blocks.read": on } });
    await blockReads(true);
    await follower.call("POST", `/${index}/_ccr/resume_follow`, { body: quickRetries });
    await eventually("a read has failed", 30_000, async () => {
      return (await firstShard(follower, index)).read_exceptions.length > 0;
    });
    const shard = await firstShard(follower, index);
    expect([shard.leader_global_checkpoint, shard.follower_global_checkpoint]).toEqual([-1, -1]);
    expect(shard.read_exceptions[0]?.exception.type).toBe("cluster_block_exception");
    await blockReads(null);
    await expectEqual(index);
  });

  test("resuming a follower that runs is refused with 400: its task exists", async () => {
    const index = await createFollowed("twice");
    const refused = await refusal(follower, "POST", `/${index}/_ccr/resume_follow`);
    expect(refused).toMatchObject({ status: 400, type: "resource_already_exists_exception" });
  });

  test("pausing a paused follower is refused with 400: it has no tasks", async () => {
    const index = await createFollowed("paused-twice");
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    const refused = await refusal(follower, "POST", `/${index}/_ccr/pause_follow`);
    expect(refused.status).toBe(400);
    expect(refused.reason).toContain(`no shard follow tasks for [${index}]`);
  });

  test("pausing or resuming what is no follower is refused with 400, what is not there with 404", async () => {
    const common = pair.named("no-follower");
    await follower.call("PUT", `/${common}`);
    expect((await follower.rest("POST", `/${common}/_ccr/pause_follow`)).status).toBe(400);
    expect((await follower.rest("POST", `/${common}/_ccr/resume_follow`)).status).toBe(400);
    expect((await follower.rest("POST", `/${pair.named("not-there")}/_ccr/pause_follow`)).status).toBe(404);
  });

  test("resuming a closed follower is refused with 400", async () => {
    const index = await createFollowed("closed");
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    await follower.call("POST", `/${index}/_close`);
    const refused = await refusal(follower, "POST", `/${index}/_ccr/resume_follow`);
    expect(refused.status).toBe(400);
    expect(refused.reason).toContain("leader and follow index must be open");
  });

  test("a follower whose lease is gone resumes while the history is still there, and has a lease again", async () => {
    const index = await createFollowed("unleased");
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    await leader.call("POST", `/${index}/_ccr/forget_follower`, { body: await forgetting(index) });
    expect(await followerLeases(leader, index)).toEqual([]);
    await write(leader, index, "1");

    await follower.call("POST", `/${index}/_ccr/resume_follow`);
    await expectEqual(index);
    await eventually("a lease again", 60_000, async () => (await followerLeases(leader, index)).length === 1);
  });
});

/** What `forget_follower` is told of a follower that has its leader's name. */
async function forgetting(index: string): Promise<object> {
  return {
    follower_cluster: pair.followerName,
    follower_index: index,
    follower_index_uuid: await uuidOf(index),
    leader_remote_cluster: remote,
  };
}

describe("unfollow", () => {
  const cannot = (index: string, what: string) =>
    `cannot convert the follower index [${index}] to a non-follower, because it has not been ${what}`;

  test.each([
    { state: "running and open", steps: [], missing: "closed" },
    { state: "running and closed", steps: ["_close"], missing: "paused" },
    { state: "paused and open", steps: ["_ccr/pause_follow"], missing: "closed" },
  ])(
    "of a follower that is $state is refused with 400: it has not been $missing",
    async ({ state, steps, missing }) => {
      const index = await createFollowed(state.replaceAll(" ", "-"));
      for (const step of steps) await follower.call("POST", `/${index}/${step}`);
      const refused = await refusal(follower, "POST", `/${index}/_ccr/unfollow`);
      expect([refused.status, refused.reason]).toEqual([400, cannot(index, missing)]);
    },
  );

  test("makes a common index that takes writes and continues the leader's sequence numbers", async () => {
    const index = await createLeader("promoted");
    await write(leader, index, "1");
    await write(leader, index, "2");
    await follow(follower, index, remote);
    await expectEqual(index);
    expect(await followerLeases(leader, index)).toHaveLength(1);

    await promote(follower, index);

    expect(await followStatus(follower, index)).toBeUndefined();
    expect((await follower.call("GET", `/${index}/_settings`))[index].settings.index.xpack).toBeUndefined();
    const written = await follower.call("PUT", `/${index}/_doc/3`, { body: {} });
    expect(written._seq_no).toBe(2);
    expect(await followerLeases(leader, index)).toEqual([]);
  });

  test("of what is no follower is refused with 400", async () => {
    const common = pair.named("common");
    await follower.call("PUT", `/${common}`);
    expect((await follower.rest("POST", `/${common}/_ccr/unfollow`)).status).toBe(400);
  });
});

describe("leases", () => {
  test("a follower that is deleted while it follows leaves its lease behind; forget_follower removes it, once", async () => {
    const index = await createFollowed("deleted");
    const body = await forgetting(index);
    await follower.call("DELETE", `/${index}`);
    expect(await followerLeases(leader, index)).toHaveLength(1);

    const first = await leader.call("POST", `/${index}/_ccr/forget_follower`, { body });
    expect(first._shards).toMatchObject({ total: 1, successful: 1, failed: 0 });
    expect(await followerLeases(leader, index)).toEqual([]);
    const second = await leader.call("POST", `/${index}/_ccr/forget_follower`, { body });
    expect(second._shards).toMatchObject({ total: 1, successful: 0, failed: 1 });
    expect(JSON.stringify(second._shards.failures)).toContain("retention_lease_not_found_exception");

    // Where its task is left behind, too, pausing the next follower of that name ends both.
    await follow(follower, index, remote);
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    expect((await follower.rest("GET", `/${index}/_ccr/stats`)).status).toBe(404);
  });

  test("paused, deleted and forgotten, a follower leaves neither a lease nor a task behind", async () => {
    const index = await createFollowed("removed");
    const body = await forgetting(index);
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    await follower.call("DELETE", `/${index}`);
    await leader.call("POST", `/${index}/_ccr/forget_follower`, { body });
    expect(await followerLeases(leader, index)).toEqual([]);
    expect((await follower.rest("GET", `/${index}/_ccr/stats`)).status).toBe(404);
  });
});

describe("info and stats", () => {
  test("info names the leader and the parameters in force", async () => {
    const index = await createLeader("informed");
    const copy = pair.named("informed-copy");
    await follow(follower, copy, remote, index);
    const info = await follower.call("GET", `/${copy}/_ccr/info`);
    expect(info.follower_indices).toEqual([
      expect.objectContaining({
        follower_index: copy,
        remote_cluster: remote,
        leader_index: index,
        status: "active",
        parameters: expect.objectContaining({ max_read_request_operation_count: 5120, max_retry_delay: "500ms" }),
      }),
    ]);
  });

  test("stats reach the leader's checkpoint and are the same for one index and for all", async () => {
    const index = await createLeader("counted");
    await write(leader, index, "1");
    await write(leader, index, "2");
    await follow(follower, index, remote);
    await eventually("checkpoints are equal", 15_000, async () => {
      const shard = await firstShard(follower, index);
      return shard.follower_global_checkpoint === 1 && shard.leader_global_checkpoint === 1;
    });
    const shard = await firstShard(follower, index);
    expect(shard).toMatchObject({
      remote_cluster: remote,
      leader_index: index,
      follower_index: index,
      shard_id: 0,
      read_exceptions: [],
    });
    expect(shard.time_since_last_read_millis).toBeGreaterThanOrEqual(0);
    const all = await follower.call("GET", "/_ccr/stats");
    const names = all.follow_stats.indices.map((each: { index: string }) => each.index);
    expect(names).toContain(index);
    expect(all.auto_follow_stats).toHaveProperty("recent_auto_follow_errors");
  });

  test("of no follower, stats answer 404 and info nothing", async () => {
    const plain = pair.named("plain");
    await follower.call("PUT", `/${plain}`);
    expect((await follower.rest("GET", `/${plain}/_ccr/stats`)).status).toBe(404);
    expect((await follower.call("GET", `/${plain}/_ccr/info`)).follower_indices).toEqual([]);
    expect((await follower.rest("GET", `/${pair.named("not-there")}/_ccr/info`)).status).toBe(404);
  });

  test("stats take `*`, `_all` and lists, pass over what a list has too many, and know no other wildcard", async () => {
    const index = await createFollowed("listed");
    const namesOf = async (names: string) => {
      const stats = await follower.call("GET", `/${names}/_ccr/stats`);
      return stats.indices.map((each: { index: string }) => each.index);
    };
    expect(await namesOf("*")).toContain(index);
    expect(await namesOf("_all")).toContain(index);
    expect(await namesOf(`${pair.named("not-there")},${index}`)).toEqual([index]);
    expect((await follower.rest("GET", `/${index.slice(0, -1)}*/_ccr/stats`)).status).toBe(404);
  });

  test("info takes wildcards, and answers 404 for a list with a name that is not there", async () => {
    const index = await createFollowed("wildcarded");
    const info = await follower.call("GET", `/${index.slice(0, -1)}*/_ccr/info`);
    expect(info.follower_indices).toHaveLength(1);
    expect((await follower.rest("GET", `/${index},${pair.named("not-there")}/_ccr/info`)).status).toBe(404);
  });

  test("info finds hidden followers by name, by `.*` if they begin with a dot, and by no other wildcard", async () => {
    const hidden = { settings: { "index.hidden": true } };
    const index = await createFollowed("concealed", hidden);
    const dotted = `.${index}`;
    await leader.call("PUT", `/${dotted}`, { body: hidden });
    await follow(follower, dotted, remote);
    const namesOf = async (names: string) => {
      const info = await follower.call("GET", `/${names}/_ccr/info`);
      return info.follower_indices.map((each: { follower_index: string }) => each.follower_index);
    };
    for (const wildcard of ["*", "_all"]) {
      expect(await namesOf(wildcard)).not.toContain(index);
      expect(await namesOf(wildcard)).not.toContain(dotted);
    }
    expect(await namesOf(`${index.slice(0, -1)}*`)).toEqual([]);
    expect(await namesOf("*,.*")).toContain(dotted);
    expect(await namesOf("*,.*")).not.toContain(index);
    expect((await namesOf(`${index},${dotted}`)).sort()).toEqual([dotted, index]);
    expect((await follower.rest("GET", "/*/_ccr/info?expand_wildcards=all")).status).toBe(400);
    // Stats leave nothing out.
    expect(await shardStats(follower, index)).toHaveLength(1);
    const all = await follower.call("GET", "/_ccr/stats");
    const withStats = all.follow_stats.indices.map((each: { index: string }) => each.index);
    expect(withStats).toEqual(expect.arrayContaining([index, dotted]));
  });
});

describe("auto-follow", () => {
  const put = (name: string, patterns: string[], more: object = {}) =>
    follower.call("PUT", `/_ccr/auto_follow/${pair.named(name)}`, {
      body: { remote_cluster: remote, leader_index_patterns: patterns.map(pair.named), ...more },
    });
  const pathOf = (name: string) => `/_ccr/auto_follow/${pair.named(name)}`;
  const untilFollowed = (index: string) =>
    eventually(`${index} is followed`, 60_000, async () => (await followStatus(follower, index)) === "active");

  test("takes new indices, but none that were there before and none that are excluded", async () => {
    const before = await createLeader("auto-before");
    expect(await put("auto", ["auto-*"], { leader_index_exclusion_patterns: [pair.named("auto-not-*")] })).toEqual({
      acknowledged: true,
    });
    const excluded = await createLeader("auto-not-this");
    const after = await createLeader("auto-after");
    await write(leader, after, "1");

    await untilFollowed(after);
    await expectEqual(after);
    expect(await exists(follower, before)).toBe(false);
    expect(await exists(follower, excluded)).toBe(false);
    const stats = await follower.call("GET", "/_ccr/stats");
    expect(stats.auto_follow_stats.number_of_successful_follow_indices).toBeGreaterThanOrEqual(1);
  });

  test("takes hidden and dot indices that a pattern names", async () => {
    const dotted = `.${pair.named("dotted-1")}`;
    await follower.call("PUT", pathOf("unseen"), {
      body: { remote_cluster: remote, leader_index_patterns: [`.${pair.named("dotted-*")}`, pair.named("unseen-*")] },
    });
    const hidden = await createLeader("unseen-1", { settings: { "index.hidden": true } });
    await leader.call("PUT", `/${dotted}`, { body: { settings: { "index.hidden": true } } });
    await untilFollowed(hidden);
    await untilFollowed(dotted);
  });

  test("does nothing while paused, and follows afterwards what came meanwhile", async () => {
    await put("halting", ["halting-*"]);
    expect(await follower.call("POST", `${pathOf("halting")}/pause`)).toEqual({ acknowledged: true });
    const shown = await follower.call("GET", pathOf("halting"));
    expect(shown.patterns[0].pattern).toMatchObject({ active: false, remote_cluster: remote });

    // What the other pattern does with an index that came later tells when this one would have acted.
    await put("running", ["running-*"]);
    const halting = await createLeader("halting-1");
    await untilFollowed(await createLeader("running-1"));
    expect(await exists(follower, halting)).toBe(false);

    await follower.call("POST", `${pathOf("halting")}/resume`);
    // The next change on the leader is when it looks again, at the latest.
    await createLeader("change");
    await untilFollowed(halting);
  });

  test("is active again when its paused pattern is put again", async () => {
    await put("renewed", ["renewed-*"]);
    await follower.call("POST", `${pathOf("renewed")}/pause`);
    await put("renewed", ["renewed-*"]);
    expect((await follower.call("GET", pathOf("renewed"))).patterns[0].pattern.active).toBe(true);
  });

  test("names followers by its pattern; lists follows that failed, and counts them with each look at the leader", async () => {
    const copyOf = (name: string) => pair.named(`copy-of-${pair.named(name)}`);
    await follower.call("PUT", `/${copyOf("named-2")}`);
    await put("named", ["named-*"], { follow_index_pattern: pair.named("copy-of-{{leader_index}}") });
    await createLeader("named-1");
    const refused = await createLeader("named-2");

    await untilFollowed(copyOf("named-1"));
    const statistics = async () => (await follower.call("GET", "/_ccr/stats")).auto_follow_stats;
    await eventually("the failure is told", 30_000, async () => {
      const errors = (await statistics()).recent_auto_follow_errors as AutoFollowError[];
      const error = errors.find((each) => each.leader_index === `${pair.named("named")}:${refused}`);
      return JSON.stringify(error?.auto_follow_exception ?? {}).includes("snapshot_restore_exception");
    });
    const failed = (await statistics()).number_of_failed_follow_indices;
    await createLeader("another-change");
    await eventually("it is counted again", 30_000, async () => {
      return (await statistics()).number_of_failed_follow_indices > failed;
    });
    await follower.call("DELETE", pathOf("named"));
  });

  test("takes no index that two patterns match, even if one of them is paused", async () => {
    await put("twice", ["twice-*"]);
    await put("twice-too", ["twice-1*"]);
    await follower.call("POST", `${pathOf("twice-too")}/pause`);
    const both = await createLeader("twice-1");
    await untilFollowed(await createLeader("twice-2"));
    expect(await exists(follower, both)).toBe(false);
    const { recent_auto_follow_errors: errors } = (await follower.call("GET", "/_ccr/stats")).auto_follow_stats;
    const error = (errors as AutoFollowError[]).find((each) => each.leader_index === `${pair.named("twice")}:${both}`);
    expect(JSON.stringify(error)).toContain(`matches with other patterns [${pair.named("twice-too")}]`);
    await follower.call("DELETE", pathOf("twice-too"));
    await createLeader("twice-changed");
    await untilFollowed(both);
  });

  test("a pattern that is not there answers 404", async () => {
    expect((await follower.rest("GET", pathOf("none"))).status).toBe(404);
    expect((await follower.rest("DELETE", pathOf("none"))).status).toBe(404);
    expect((await follower.rest("POST", `${pathOf("none")}/pause`)).status).toBe(404);
  });

  test("a deleted pattern takes nothing more, and what it took goes on", async () => {
    await put("ending", ["ending-*"]);
    const first = await createLeader("ending-1");
    await untilFollowed(first);
    expect(await follower.call("DELETE", pathOf("ending"))).toEqual({ acknowledged: true });
    await put("watch", ["watch-*"]);
    const second = await createLeader("ending-2");
    await untilFollowed(await createLeader("watch-1"));
    expect(await exists(follower, second)).toBe(false);
    await write(leader, first, "1");
    await expectEqual(first);
  });
});

interface AutoFollowError {
  readonly leader_index: string;
  readonly auto_follow_exception: object;
}

describe("privileges", () => {
  const user = (name: string) => ({ username: pair.named(name), password: "contract-password" });

  async function createUser(name: string, cluster: string[], names: string[], privileges: string[]): Promise<void> {
    const { username, password } = user(name);
    const role = { cluster, indices: [{ names, privileges }] };
    for (const side of [leader, follower]) {
      await side.call("PUT", `/_security/role/${username}`, { body: role });
      await side.call("PUT", `/_security/user/${username}`, { body: { password, roles: [username] } });
    }
  }

  test("following needs manage_ccr here and read on the leader, and replicates with no more than that", async () => {
    await createUser(
      "replicator",
      ["manage_ccr", "monitor"],
      [pair.named("owned*")],
      ["manage_follow_index", "read", "monitor", "write"],
    );
    const index = await createLeader("owned");
    await write(leader, index, "1");
    const answer = await follower.rest("PUT", `/${index}/_ccr/follow?wait_for_active_shards=1`, {
      body: { remote_cluster: remote, leader_index: index },
      as: user("replicator"),
    });
    expect(answer.status).toBe(200);
    await expectEqual(index);
    const foreign = await createLeader("foreign");
    const refused = await follower.rest("PUT", `/${foreign}/_ccr/follow`, {
      body: { remote_cluster: remote, leader_index: foreign },
      as: user("replicator"),
    });
    expect(refused.status).toBe(403);
  });

  test("monitor sees statistics and status, changes nothing, and sees no patterns", async () => {
    await createUser("watcher", ["monitor"], ["*"], ["monitor"]);
    const index = await createFollowed("watched");
    const status = async (method: string, path: string) =>
      (await follower.rest(method, path, { as: user("watcher") })).status;
    expect(await status("GET", "/_ccr/stats")).toBe(200);
    expect(await status("GET", `/${index}/_ccr/stats`)).toBe(200);
    expect(await status("GET", `/${index}/_ccr/info`)).toBe(200);
    expect(await status("POST", `/${index}/_ccr/pause_follow`)).toBe(403);
    expect(await status("GET", "/_ccr/auto_follow")).toBe(403);
  });
});
