import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
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
  type ShardStats,
  write,
} from "./support/ccr.ts";
import { isForeign, whyNotForeign } from "./support/ccr-pair.ts";

/** Replication through outages of either side. The tests share two clusters and follow each other. */

let pair: ClusterPair;
let gra: TestCluster;
let bhs: TestCluster;

beforeAll(async () => {
  if (isForeign) return;
  pair = await borrowClusterPair();
  ({ gra, bhs } = pair);
});

beforeEach((context) => context.skip(isForeign, whyNotForeign.kills));

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

const statsOf = (index: string): Promise<ShardStats> => firstShard(bhs, index);

const isConnected = async (cluster: TestCluster, remote: TestCluster) =>
  (await cluster.call("GET", "/_remote/info"))[remote.name].connected === true;

const failedStateRequests = async (): Promise<number> =>
  (await bhs.call("GET", "/_ccr/stats")).auto_follow_stats.number_of_failed_remote_cluster_state_requests;

/** Restarts gra, and makes each side connect to the other: by themselves they do only when there is something to ask. */
async function restartLeader(): Promise<void> {
  await gra.restart();
  for (const [cluster, remote] of [
    [bhs, gra],
    [gra, bhs],
  ] as const) {
    const body = { remote_cluster: remote.name, leader_index: "nothing" };
    await eventually(`${cluster.name} is connected to ${remote.name} again`, 60_000, async () => {
      return (await refusal(cluster, "PUT", "/nothing/_ccr/follow", body)).status === 404;
    });
  }
}

/** A leader in gra with one document in its last commit. */
async function createLeader(index: string): Promise<void> {
  await gra.call("PUT", `/${index}`, { body: { settings: { number_of_replicas: 0 } } });
  await write(gra, index, "1");
  await gra.call("POST", `/${index}/_flush?force=true`);
}

describe("outages", () => {
  test("a leader that is killed under load and restarted loses its follower nothing", async () => {
    await gra.call("PUT", "/loaded", { body: { settings: { number_of_shards: 2, number_of_replicas: 0 } } });
    await follow(bhs, "loaded", "gra", "loaded", quickRetries);
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
      async () => (await statsOf("loaded")).read_exceptions.length > 0,
    );
    expect((await statsOf("loaded")).fatal_exception).toBeUndefined();
    await gra.restart();

    await eventually("reads succeed again", 60_000, async () => (await statsOf("loaded")).read_exceptions.length === 0);
    expect(await writer.stop()).toBeGreaterThan(0);
    await expectEqualDocuments({ cluster: gra, index: "loaded" }, { cluster: bhs, index: "loaded" }, 60_000);
  });

  test("a follower's node that is killed under load and restarted goes on where it was", async () => {
    const writer = startWriter(gra, "loaded");
    await bhs.kill();
    await bhs.restart();
    await eventually("following goes on", 60_000, async () => (await statsOf("loaded")).leader_global_checkpoint > 0);
    expect(await writer.stop()).toBeGreaterThan(0);
    await expectEqualDocuments({ cluster: gra, index: "loaded" }, { cluster: bhs, index: "loaded" }, 60_000);
    // The lab's disks keep what was acknowledged, so nothing had to be copied again: the history is the leader's.
    expect((await statsOf("loaded")).fatal_exception).toBeUndefined();
  });

  test("a closed follower whose task has started again reports checkpoints of -1", async () => {
    await createLeader("shut");
    await follow(bhs, "shut", "gra");
    await bhs.call("POST", "/shut/_close");
    await bhs.kill();
    await bhs.restart();
    await eventually("its task runs", 60_000, async () => (await bhs.rest("GET", "/shut/_ccr/stats")).status === 200);
    await eventually(
      "its shard is shown",
      60_000,
      async () => (await statsOf("shut")).follower_global_checkpoint === -1,
    );
    expect((await statsOf("shut")).leader_global_checkpoint).toBe(-1);
    expect(await followStatus(bhs, "shut")).toBe("active");
  });

  test("while the leader is frozen the lag looks as it was last known", async () => {
    await createLeader("frozen");
    await follow(bhs, "frozen", "gra");
    // Until the first read there is no time since the last one.
    await eventually("it has read", 15_000, async () => (await statsOf("frozen")).time_since_last_read_millis >= 0);
    expect((await statsOf("frozen")).follower_global_checkpoint).toBe(0);
    await bhs.call("PUT", "/_ccr/auto_follow/idle", {
      body: { remote_cluster: "gra", leader_index_patterns: ["idle-*"] },
    });
    const failedBefore = await failedStateRequests();
    await gra.freeze();
    try {
      const before = (await statsOf("frozen")).time_since_last_read_millis;
      await eventually(
        "time goes by",
        15_000,
        async () => (await statsOf("frozen")).time_since_last_read_millis > before + 500,
      );
      const shard = await statsOf("frozen");
      expect(shard.leader_global_checkpoint).toBe(0);
      expect(shard.follower_global_checkpoint).toBe(0);
      expect(shard.read_exceptions).toEqual([]);
      // Connections stay open, so nothing tells it from an idle leader: only refused ones make auto-follow spin.
      expect(await isConnected(bhs, gra)).toBe(true);
      expect(await failedStateRequests()).toBe(failedBefore);
    } finally {
      await gra.thaw();
    }
    await bhs.call("DELETE", "/_ccr/auto_follow/idle");
    await write(gra, "frozen", "2");
    await expectEqualDocuments({ cluster: gra, index: "frozen" }, { cluster: bhs, index: "frozen" });
  });

  test("while the leader is frozen, follow and resume hang, and unfollow hangs and has converted the index", async () => {
    for (const index of ["hanging", "hanging-too"]) {
      await createLeader(index);
      await follow(bhs, index, "gra");
      await bhs.call("POST", `/${index}/_ccr/pause_follow`);
    }
    await bhs.call("POST", "/hanging/_close");
    await gra.freeze();
    try {
      const impatiently = (method: string, path: string, body?: object) =>
        bhs.rest(method, path, { timeoutMs: 3000, ...(body === undefined ? {} : { body }) });
      const hanging = [
        impatiently("POST", "/hanging/_ccr/unfollow"),
        impatiently("POST", "/hanging-too/_ccr/resume_follow"),
        impatiently("PUT", "/new/_ccr/follow", { remote_cluster: "gra", leader_index: "hanging" }),
      ];
      for (const outcome of await Promise.allSettled(hanging)) expect(outcome.status).toBe("rejected");
      expect(await followStatus(bhs, "hanging")).toBeUndefined();
    } finally {
      await gra.thaw();
    }
  });
});

describe("with the leader dead", () => {
  beforeAll(async () => {
    if (isForeign) return;
    for (const index of ["orphan", "watched", "resting", "unread"]) {
      await createLeader(index);
      await follow(bhs, index, "gra");
    }
    await bhs.call("POST", "/resting/_ccr/pause_follow");
    await resumeWithoutReading("unread");
    await bhs.call("PUT", "/_ccr/auto_follow/waiting", {
      body: { remote_cluster: "gra", leader_index_patterns: ["waiting-*"] },
    });
    await gra.kill();
  });

  /** The leader has an operation more, which the follower has neither read nor heard of. */
  async function resumeWithoutReading(index: string): Promise<void> {
    await bhs.call("POST", `/${index}/_ccr/pause_follow`);
    await write(gra, index, "2");
    await gra.call("PUT", `/${index}/_settings`, { body: { "index.blocks.read": true } });
    await bhs.call("POST", `/${index}/_ccr/resume_follow`);
    await eventually("a read has failed", 30_000, async () => (await statsOf(index)).failed_read_requests > 0);
  }

  test("the remote is shown as not connected", async () => {
    await eventually("not connected", 30_000, async () => !(await isConnected(bhs, gra)));
  });

  test("reads fail for want of a connection, are counted and tried again later and later, and nothing is fatal", async () => {
    await eventually("several failed reads", 60_000, async () => {
      return ((await statsOf("watched")).read_exceptions[0]?.retries ?? 0) >= 3;
    });
    const shard = await statsOf("watched");
    expect(shard.read_exceptions[0]?.exception.type).toBe("connect_transport_exception");
    expect(shard.fatal_exception).toBeUndefined();
  });

  test("the time since the last read falls back with each try, and tries are further apart than max_retry_delay", async () => {
    let longest = 0;
    await eventually("it is shorter than before, which was seconds", 120_000, async () => {
      const { time_since_last_read_millis: now } = await statsOf("watched");
      longest = Math.max(longest, now);
      return now < longest && longest > 2000;
    });
    const { follower_indices: infos } = await bhs.call("GET", "/watched/_ccr/info");
    expect(infos[0].parameters.max_retry_delay).toBe("500ms");
  });

  test("follow, resume and a new auto-follow pattern are refused with 400: the licence is not known", async () => {
    const reason = "as the license state of the remote cluster [gra] could not be determined";
    const body = { remote_cluster: "gra", leader_index: "new" };
    for (const refused of [
      await refusal(bhs, "PUT", "/new/_ccr/follow", body),
      await refusal(bhs, "POST", "/resting/_ccr/resume_follow"),
      await refusal(bhs, "PUT", "/_ccr/auto_follow/late", { remote_cluster: "gra", leader_index_patterns: ["late-*"] }),
    ]) {
      expect(refused).toMatchObject({ status: 400, type: "status_exception" });
      expect(refused.reason).toContain(reason);
    }
  });

  test("auto-follow spins: many requests a second fail, until its pattern is paused", async () => {
    const [before, startMs] = [await failedStateRequests(), performance.now()];
    let failed = 0;
    await eventually("many requests have failed", 30_000, async () => {
      failed = (await failedStateRequests()) - before;
      return failed > 40;
    });
    const perSecond = failed / ((performance.now() - startMs) / 1000);
    expect(perSecond).toBeGreaterThan(5);
    await bhs.call("POST", "/_ccr/auto_follow/waiting/pause");
    let last = -1;
    await eventually("no more requests fail", 10_000, async () => {
      const seen = last;
      last = await failedStateRequests();
      return last === seen;
    });
    await bhs.call("POST", "/_ccr/auto_follow/waiting/resume");
    await eventually("requests fail again", 10_000, async () => (await failedStateRequests()) > last);
  });

  test("a follower can be promoted: unfollow answers 500 soon and has converted it", async () => {
    await bhs.call("POST", "/orphan/_ccr/pause_follow");
    await bhs.call("POST", "/orphan/_close");
    const unfollowed = await bhs.rest("POST", "/orphan/_ccr/unfollow", { timeoutMs: 5000 });
    expect([unfollowed.status, unfollowed.body.error.type]).toEqual([500, "exception"]);
    expect(unfollowed.body.error).toHaveProperty("failed_to_remove_retention_leases");
    expect(await followStatus(bhs, "orphan")).toBeUndefined();
    await bhs.call("POST", "/orphan/_open?wait_for_active_shards=1");
    expect((await bhs.call("PUT", "/orphan/_doc/2", { body: {} }))._seq_no).toBe(1);
  });

  test("a follower that has not read since it resumed shows no lag; promoted, it gives a sequence number out again", async () => {
    const shard = await statsOf("unread");
    expect([shard.leader_global_checkpoint, shard.follower_global_checkpoint]).toEqual([0, 0]);
    await bhs.call("POST", "/unread/_ccr/pause_follow");
    await bhs.call("POST", "/unread/_close");
    await bhs.rest("POST", "/unread/_ccr/unfollow");
    await bhs.call("POST", "/unread/_open?wait_for_active_shards=1");
    // The leader gave 1 to a document that is not here.
    expect((await bhs.call("PUT", "/unread/_doc/other", { body: {} }))._seq_no).toBe(1);
  });

  test("and back, auto-follow takes a new index and shows no error; the promoted follower's lease stays until it is forgotten", async () => {
    await restartLeader();
    expect(await followerLeases(gra, "orphan")).toHaveLength(1);
    const { uuid } = (await bhs.call("GET", "/orphan/_settings"))["orphan"].settings.index;
    await gra.call("POST", "/orphan/_ccr/forget_follower", {
      body: {
        ...{ follower_cluster: "bhs", follower_index: "orphan", follower_index_uuid: uuid },
        leader_remote_cluster: "gra",
      },
    });
    expect(await followerLeases(gra, "orphan")).toEqual([]);
    await createLeader("waiting-1");
    await eventually("followed", 30_000, async () => (await followStatus(bhs, "waiting-1")) === "active");
    const { auto_follow_stats: stats } = await bhs.call("GET", "/_ccr/stats");
    expect(stats.recent_auto_follow_errors).toEqual([]);
  });

  test("the old leader comes back as a follower of the new one, over its closed index", async () => {
    await gra.call("POST", "/orphan/_close");
    await follow(gra, "orphan", "bhs");
    await expectEqualDocuments({ cluster: bhs, index: "orphan" }, { cluster: gra, index: "orphan" });
    await promote(gra, "orphan");
    expect((await gra.call("PUT", "/orphan/_doc/3", { body: {} }))._seq_no).toBe(2);
  });
});

describe("a basic licence", () => {
  test("neither follows nor resumes", async () => {
    await bhs.call("POST", "/_license/start_basic?acknowledge=true");
    const refused = await refusal(bhs, "PUT", "/unlicensed/_ccr/follow", {
      remote_cluster: "gra",
      leader_index: "orphan",
    });
    expect(refused.status).toBe(403);
    expect(refused.reason).toContain("current license is non-compliant for [ccr]");
    expect((await refusal(bhs, "POST", "/resting/_ccr/resume_follow")).status).toBe(403);
  });
});
