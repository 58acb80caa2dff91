import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import type { ElasticsearchCluster } from "../../watchdog/adapters/elasticsearch/cluster.ts";
import type { ClusterError } from "../../watchdog/core/ports/cluster.ts";
import type { FirstCopy, IndexState } from "../../watchdog/core/state/cluster.ts";
import { type CopyState, copyStates, idleCopies } from "../../watchdog/core/state/complete-copies.ts";
import type { LeaderSnapshot } from "../../watchdog/core/state/record-fields.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { copySlowly, createLargeLeader, follow, write } from "./support/ccr.ts";
import { connectAsWatchdog, createWatchdogUser } from "./support/watchdog-user.ts";

/** What the adapter reads of followers in every state, as the watchdog's user with its own role. */

const managed = { patterns: ["orders*", ".orders*"], exclusions: [] };

let pair: ClusterPair;
let gra: ElasticsearchCluster;
let bhs: ElasticsearchCluster;

beforeAll(async () => {
  pair = await borrowClusterPair();
  await Promise.all([pair.gra, pair.bhs].map((cluster) => createWatchdogUser(cluster, managed.patterns)));
  gra = connectAsWatchdog(pair.gra, managed);
  bhs = connectAsWatchdog(pair.bhs, managed);
});

afterAll(async () => {
  await Promise.all([gra?.close(), bhs?.close()]);
  await pair?.stop();
});

const stateOf = async (cluster: ElasticsearchCluster, index: string): Promise<IndexState | undefined> =>
  (await cluster.indices()).find(({ name }) => name === index);
const followerOf = async (index: string) => (await bhs.followers()).find((follower) => follower.index === index);

async function createIndex(index: string, settings: object = {}): Promise<void> {
  await pair.gra.call("PUT", `/${index}`, { body: { settings: { number_of_replicas: 0, ...settings } } });
}

describe("followers", () => {
  test("are listed although they are hidden or dot indices, with progress, and whether they run", async () => {
    await createIndex("orders-hidden", { "index.hidden": true });
    await createIndex(".orders-dot", { "index.hidden": true });
    await createIndex("orders-paused");
    for (const index of ["orders-hidden", ".orders-dot", "orders-paused"]) await follow(pair.bhs, index, "gra");
    await pair.bhs.call("POST", "/orders-paused/_ccr/pause_follow");

    await eventually("all shards report", 30_000, async () => {
      const shown = (await bhs.followers()).map(({ index, status, shards }) => `${index} ${status} ${shards.length}`);
      return shown.sort().join() === ".orders-dot active 1,orders-hidden active 1,orders-paused paused 0";
    });
    for (const { index, leaderIndex, remoteCluster } of await bhs.followers()) {
      expect({ index, leaderIndex, remoteCluster }).toEqual({ index, leaderIndex: index, remoteCluster: "gra" });
    }
  });

  test("name the leader that they were made from, also when one of the same name replaces it", async () => {
    await createIndex("orders-replaced");
    await follow(pair.bhs, "orders-replaced", "gra");
    const first = (await stateOf(gra, "orders-replaced"))?.uuid;
    expect((await followerOf("orders-replaced"))?.leaderUuid).toBe(first);

    await pair.gra.call("DELETE", "/orders-replaced");
    await createIndex("orders-replaced");
    const second = (await stateOf(gra, "orders-replaced"))?.uuid;
    expect(second).not.toBe(first);
    expect((await followerOf("orders-replaced"))?.leaderUuid).toBe(first);

    // Following over a closed index keeps the follower's UUID.
    const { uuid } = (await stateOf(bhs, "orders-replaced")) ?? {};
    await pair.bhs.call("POST", "/orders-replaced/_ccr/pause_follow");
    await pair.bhs.call("POST", "/orders-replaced/_close");
    await follow(pair.bhs, "orders-replaced", "gra");
    expect((await stateOf(bhs, "orders-replaced"))?.uuid).toBe(uuid);
    expect((await followerOf("orders-replaced"))?.leaderUuid).toBe(second);
  });

  test("tell of writes that fail, which show in no error", async () => {
    await createIndex("orders-blocked");
    await gra.setWriteBlock(["orders-blocked"], true);
    await follow(pair.bhs, "orders-blocked", "gra");
    await gra.setWriteBlock(["orders-blocked"], false);
    await write(pair.gra, "orders-blocked", "1");
    await eventually("failed writes are counted", 60_000, async () => {
      const [shard] = (await followerOf("orders-blocked"))?.shards ?? [];
      return shard !== undefined && shard.failedWrites > 0 && shard.readErrors.length === 0;
    });
    expect((await stateOf(bhs, "orders-blocked"))?.writeBlocked).toBe(true);
    await bhs.liftFollowerBlocks(["orders-blocked"]);
    await eventually("the write arrives", 90_000, async () => {
      return (await followerOf("orders-blocked"))?.shards[0]?.followerCheckpoint === 0;
    });
  });
});

describe("a first copy", () => {
  const index = "orders-copied";
  const kilobytes = 300;

  beforeEach(async () => {
    await createLargeLeader(pair.gra, index, kilobytes);
    await copySlowly(pair.bhs, 4_096);
    await bhs.follow(index, { remoteCluster: "gra", index });
  });
  afterEach(async () => {
    await copySlowly(pair.bhs, null);
    for (const cluster of [pair.bhs, pair.gra]) await cluster.rest("DELETE", `/${index}`);
  });

  const copyOf = async (): Promise<FirstCopy | null | undefined> => (await stateOf(bhs, index))?.firstCopy;

  test("that runs has its bytes and its start, and makes the cluster neither red nor unwell", async () => {
    await eventually("some bytes have come", 60_000, async () => ((await copyOf())?.bytesDone ?? 0) > 0);
    const copy = await copyOf();
    expect(copy).toMatchObject({ state: "running", error: null });
    expect(copy?.bytesTotal).toBeGreaterThan(kilobytes * 1024);
    expect(copy?.bytesDone).toBeLessThan(copy?.bytesTotal ?? 0);
    expect(Math.abs(Date.now() - (copy?.startedAtMs ?? 0))).toBeLessThan(60_000);
    expect(await bhs.probe()).toMatchObject({ status: "yellow", redIndices: [], copyingIndices: [index] });
    expect(await followerOf(index)).toMatchObject({
      status: "paused",
      shards: [],
      leaderUuid: (await stateOf(gra, index))?.uuid,
    });

    await copySlowly(pair.bhs, null);
    await pair.bhs.call("DELETE", `/${index}`);
    await bhs.follow(index, { remoteCluster: "gra", index });
    await eventually("the copy is complete", 60_000, async () => (await followerOf(index))?.status === "active");
    expect(await copyOf()).toBeNull();
    expect(await bhs.probe()).toMatchObject({ redIndices: [], copyingIndices: [] });
  });

  test("that failed has its reason, and makes the cluster not red, unlike an index that lost its primary", async () => {
    await pair.gra.call("DELETE", `/${index}`);
    await eventually("it has failed", 60_000, async () => (await copyOf())?.state === "failed");
    expect((await copyOf())?.error).toMatch(/no such index/);
    expect((await pair.bhs.call("GET", `/_cluster/health/${index}`)).status).toBe("red");
    expect(await bhs.probe()).toMatchObject({ status: "yellow", redIndices: [], copyingIndices: [index] });

    await pair.bhs.call("PUT", "/orders-red?wait_for_active_shards=0", {
      body: { settings: { "index.routing.allocation.require._name": "nobody" } },
    });
    expect(await bhs.probe()).toMatchObject({ status: "red", redIndices: ["orders-red"], copyingIndices: [index] });
    expect((await stateOf(bhs, "orders-red"))?.firstCopy).toBeNull();
    await bhs.deleteIndices(["orders-red"]);
  });
});

// The nodes have no index lifecycle management: its requests are made by hand.
describe("a copy that index lifecycle management unfollows", () => {
  const index = "orders-complete";

  /** What a watchdog would know of it, were it marked as complete. */
  async function copyNow(): Promise<CopyState | undefined> {
    const source = await stateOf(gra, index);
    if (source === undefined) throw new Error(`gra has no ${index}`);
    const leader: LeaderSnapshot = {
      ...{ atMs: Date.now(), indices: [index], uuids: [{ index, uuid: source.uuid }], writeAliases: [], aliases: [] },
      ...{ unfollowable: [], unmatched: [], deleted: [], writeBlocked: [], peakOperationsPerSecond: null },
      shards: await gra.checkpoints([index]),
      indexingComplete: [{ index: 0, createdAtMs: source.createdAtMs }],
    };
    const [indices, followers] = await Promise.all([bhs.indices(), bhs.followers()]);
    const idle = idleCopies(leader, { indices, followers }).map(({ name }) => name);
    const checkpoints = idle.length === 0 ? [] : await bhs.checkpoints(idle);
    return copyStates(leader, { indices, followers, checkpoints }).get(index);
  }

  test("is known by its creation date and its last operations, paused, closed, unfollowed and open again", async () => {
    await createIndex(index, { number_of_shards: 2 });
    for (const id of ["1", "2", "3", "4"]) await write(pair.gra, index, id);
    await follow(pair.bhs, index, "gra");
    await eventually("both have the same", 30_000, async () => {
      const ends = async (cluster: ElasticsearchCluster) =>
        (await cluster.checkpoints([index])).map(({ globalCheckpoint }) => globalCheckpoint).join();
      return (await ends(gra)) === (await ends(bhs));
    });
    expect(await copyNow()).toBeUndefined();
    for (const step of ["_ccr/pause_follow", "_close", "_ccr/unfollow", "_open?wait_for_active_shards=all"]) {
      await pair.bhs.call("POST", `/${index}/${step}`);
      await eventually(`it is complete after ${step}`, 15_000, async () => (await copyNow()) === "complete");
    }
    expect((await stateOf(bhs, index))?.following).toBe(false);

    await write(pair.gra, index, "5");
    expect(await copyNow()).toBe("behind");
  });
});

describe("an index that no pattern matches", () => {
  test("is found behind an alias that one does, and only there", async () => {
    await createIndex("shrink-ab12-orders-1", {});
    await createIndex("unrelated");
    const actions = [
      { add: { index: "shrink-ab12-orders-1", alias: "orders-shrunk" } },
      { add: { index: "unrelated", alias: "other" } },
    ];
    expect(await gra.unmatchedIndices()).toEqual([]);
    await pair.gra.call("POST", "/_aliases", { body: { actions } });
    const shrunk = { name: "shrink-ab12-orders-1", aliases: ["orders-shrunk"], searchableSnapshot: false };
    expect(await gra.unmatchedIndices()).toEqual([shrunk]);
    expect(await stateOf(gra, "shrink-ab12-orders-1")).toBeUndefined();
  });
});

describe("a leader that cannot be reached", () => {
  // Last, because gra is gone afterwards.
  test("is told apart from a refusal when it is followed", async () => {
    await createIndex("orders-late");
    await pair.gra.kill();
    const error = await bhs.follow("orders-late", { remoteCluster: "gra", index: "orders-late" }).then(
      () => undefined,
      (reason: ClusterError) => reason,
    );
    expect(error).toMatchObject({ kind: "unreachable", message: expect.stringMatching(/could not be determined/) });
  });
});
