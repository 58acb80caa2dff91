import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestAuthority } from "../../lab/elasticsearch/certificates.ts";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { freePort } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import type {
  ElasticsearchCluster,
  ElasticsearchClusterOptions,
} from "../../watchdog/adapters/elasticsearch/cluster.ts";
import type { ClusterError } from "../../watchdog/core/ports/cluster.ts";
import type { ClusterProbe } from "../../watchdog/core/state/cluster.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { nodesAs } from "./support/access.ts";
import { connectAsWatchdog, createWatchdogUser, watchdogCredentials } from "./support/watchdog-user.ts";

/** Two real clusters, each the other's remote, used as the watchdog's user with the role that provisioning gives it. */

const managed = { patterns: ["orders*", "logs"], exclusions: ["orders-tmp*"] };

let pair: ClusterPair;
let gra: ElasticsearchCluster;
let bhs: ElasticsearchCluster;
const opened: ElasticsearchCluster[] = [];

beforeAll(async () => {
  pair = await borrowClusterPair();
  await Promise.all([pair.gra, pair.bhs].map((cluster) => createWatchdogUser(cluster, ["orders*", "logs"])));
  gra = connect(pair.gra);
  bhs = connect(pair.bhs);
});

afterAll(async () => {
  await Promise.all(opened.map((cluster) => cluster.close()));
  await pair?.stop();
});

function connect(cluster: TestCluster, other: Partial<ElasticsearchClusterOptions> = {}): ElasticsearchCluster {
  const connected = connectAsWatchdog(cluster, managed, other);
  opened.push(connected);
  return connected;
}

const createIndex = (cluster: TestCluster, index: string, body: Record<string, unknown> = {}) =>
  cluster.call("PUT", `/${index}`, {
    body: { settings: { number_of_replicas: 0, number_of_shards: 1 }, ...body },
  });

async function writeDocuments(cluster: TestCluster, index: string, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, n) => `{"index":{}}\n{"n":${n}}\n`);
  const answer = await cluster.call("POST", `/${index}/_bulk`, { ndjson: lines.join("") });
  if (answer.errors !== false) throw new Error(JSON.stringify(answer));
}

const failure = (attempt: Promise<unknown>): Promise<ClusterError> =>
  attempt.then(
    () => {
      throw new Error("succeeded instead of failing");
    },
    (error: ClusterError) => error,
  );

const reachable = (probe: ClusterProbe) => {
  if (!probe.reachable) throw new Error(probe.error);
  return probe;
};

async function followed(index: string, count: number): Promise<void> {
  await createIndex(pair.gra, index);
  await writeDocuments(pair.gra, index, count);
  await bhs.follow(index, { remoteCluster: "gra", index });
  await eventually(`${index} has ${count} documents in bhs`, 15_000, async () => {
    const follower = (await bhs.followers()).find((candidate) => candidate.index === index);
    return follower?.shards.some(({ followerCheckpoint }) => followerCheckpoint === count - 1) ?? false;
  });
}

const misbehave = (kind: string, indices: readonly string[]) =>
  pair.bhs.call("PUT", "/_cluster/settings", {
    body: { persistent: { [`lab_ccr.misbehave.${kind}`]: indices.length === 0 ? null : indices } },
  });

describe("a probe", () => {
  test("has master, version, identity and the health of the managed indices alone", async () => {
    await createIndex(pair.gra, "orders-health");
    // No node matches: the primary stays unassigned, and the index red. Neither of the two is managed.
    const nowhere = { settings: { "index.routing.allocation.require._name": "nobody" } };
    await pair.gra.call("PUT", "/unmanaged?wait_for_active_shards=0", { body: nowhere });
    await pair.gra.call("PUT", "/orders-tmp-1?wait_for_active_shards=0", { body: nowhere });
    const info = await pair.gra.call("GET", "/");
    expect(await gra.probe()).toEqual({
      reachable: true,
      clusterUuid: info.cluster_uuid,
      version: info.version.number,
      master: info.name,
      status: "green",
      managedIndices: 1,
      redIndices: [],
      copyingIndices: [],
      clusterBlocks: [],
      floodedIndices: [],
      licenceLapsed: false,
      nodes: 1,
    });
  });

  test("distinguishes yellow from red, and names the red indices", async () => {
    await createIndex(pair.gra, "orders-yellow", { settings: { number_of_replicas: 1 } });
    expect(reachable(await gra.probe()).status).toBe("yellow");
    await pair.gra.call("PUT", "/orders-red?wait_for_active_shards=0", {
      body: { settings: { "index.routing.allocation.require._name": "nobody" } },
    });
    expect(await gra.probe()).toMatchObject({ status: "red", redIndices: ["orders-red"] });
    const found = (await gra.indices()).map(({ name, uuid }) => [name, uuid] as const);
    expect(await gra.uuids(["orders-red", "orders-none", "orders-yellow"])).toEqual(
      new Map(found.filter(([name]) => name === "orders-red" || name === "orders-yellow")),
    );
    await gra.deleteIndices(["orders-red", "orders-yellow"]);
    expect(reachable(await gra.probe()).status).toBe("green");
  });

  test("names the blocks that refuse writes: of the whole cluster, and of managed indices on a full disk", async () => {
    const blocks = async () => {
      const { clusterBlocks, floodedIndices, status } = reachable(await gra.probe());
      return { clusterBlocks, floodedIndices, status };
    };
    const set = (persistent: object) => pair.gra.call("PUT", "/_cluster/settings", { body: { persistent } });
    const flood = (index: string, flooded: boolean) =>
      pair.gra.call("PUT", `/${index}/_settings`, {
        body: { "index.blocks.read_only_allow_delete": flooded ? true : null },
      });
    for (const index of ["orders-health", "unmanaged"]) await flood(index, true);
    await gra.setWriteBlock(["orders-health"], true);
    expect(await blocks()).toEqual({ clusterBlocks: [], floodedIndices: ["orders-health"], status: "green" });
    for (const index of ["orders-health", "unmanaged"]) await flood(index, false);
    await set({ "cluster.blocks.read_only": true });
    expect((await blocks()).clusterBlocks).toEqual(["cluster read-only (api)"]);
    await set({ "cluster.blocks.read_only": null });
    await gra.setWriteBlock(["orders-health"], false);
    expect(await blocks()).toEqual({ clusterBlocks: [], floodedIndices: [], status: "green" });
  });

  test("of a cluster without managed indices is green, and does not wait for any", async () => {
    const empty = connect(pair.gra, { managed: { patterns: ["nothing-of-that-name", "nor-this-*"], exclusions: [] } });
    expect(reachable(await empty.probe()).status).toBe("green");
  });

  test("fails with the reason when no node answers, the certificate is not trusted, or the password is wrong", async () => {
    const unused = `https://127.0.0.1:${await freePort()}`;
    expect(await connect(pair.gra, { nodes: [unused] }).probe()).toMatchObject({
      reachable: false,
      error: expect.stringMatching(/^gra: probe: cannot connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/),
    });

    const stranger = await createTestAuthority("a stranger");
    const { access } = nodesAs({ ...pair.gra, ca: stranger.certificate }, watchdogCredentials);
    const distrustful = connect(pair.gra, { access });
    expect(await distrustful.probe()).toMatchObject({
      reachable: false,
      kind: "untrusted",
      error: expect.stringMatching(/its certificate is not trusted: .*\(\w+\)$/),
    });
    // Whichever node comes first: one that answers tells more than one that does not.
    const beside = connect(pair.gra, { nodes: [unused, ...pair.gra.urls], access });
    expect(await beside.probe()).toMatchObject({ reachable: false, kind: "untrusted" });

    const wrong = { ...watchdogCredentials, password: "not-the-password" };
    const mistaken = connect(pair.gra, nodesAs(pair.gra, wrong));
    const refused = await mistaken.probe();
    expect(refused).toMatchObject({ reachable: false, error: expect.stringMatching(/unable to authenticate user/) });
    expect(JSON.stringify(refused)).not.toContain("not-the-password");
    expect(await failure(mistaken.indices())).toMatchObject({ kind: "unauthorized", status: 401 });
  });

  test("reaches the living node despite dead and frozen ones, well within its timeout", async () => {
    const silent = await import("node:net").then(({ createServer }) => createServer(() => {}));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const frozen = typeof address === "object" && address !== null ? `https://127.0.0.1:${address.port}` : "";
    const dead = `https://127.0.0.1:${await freePort()}`;
    const cluster = connect(pair.gra, { nodes: [frozen, dead, ...pair.gra.urls] });
    const startedMs = performance.now();
    expect(reachable(await cluster.probe()).status).toBe("green");
    expect(performance.now() - startedMs).toBeLessThan(4_000);
    // A change goes to the node that answered, and not to the frozen one.
    await cluster.setWriteBlock(["orders-health"], true);
    await cluster.setWriteBlock(["orders-health"], false);
    silent.close();
  });

  test("of a frozen cluster fails at its timeout", async () => {
    const impatient = connect(pair.gra, { probeTimeoutMs: 600 });
    await impatient.probe();
    await pair.gra.freeze();
    try {
      const startedMs = performance.now();
      expect(await impatient.probe()).toEqual({
        reachable: false,
        kind: "timeout",
        error: "gra: probe: no answer within 600 ms",
      });
      expect(performance.now() - startedMs).toBeLessThan(2_000);
    } finally {
      await pair.gra.thaw();
    }
    await eventually("gra answers again", 15_000, async () => (await gra.probe()).reachable);
  });
});

describe("readiness", () => {
  test("has licence, version, the remote, disks and blocks", async () => {
    const readiness = await gra.readiness("bhs");
    expect(readiness).toMatchObject({
      licence: { type: "trial", active: true, allowsCcr: true },
      remote: { configured: true, connected: true, keyed: false },
      readOnly: false,
      snapshotting: [],
      allocatesPrimaries: true,
    });
    expect((await gra.readiness("nowhere")).remote).toEqual({ configured: false, connected: false, keyed: false });
  });

  test("names nodes above the high disk watermark, and a cluster that refuses changes", async () => {
    const set = (persistent: Record<string, unknown>) =>
      pair.gra.call("PUT", "/_cluster/settings", { body: { persistent } });
    const disk = "cluster.routing.allocation.disk";
    await set({
      [`${disk}.threshold_enabled`]: true,
      [`${disk}.watermark.low`]: "100pb",
      [`${disk}.watermark.high`]: "100pb",
      [`${disk}.watermark.flood_stage`]: "1b",
    });
    expect((await gra.readiness("bhs")).nodesLowOnDisk).toHaveLength(1);
    await set({
      [`${disk}.threshold_enabled`]: null,
      [`${disk}.watermark.low`]: null,
      [`${disk}.watermark.high`]: null,
      [`${disk}.watermark.flood_stage`]: null,
    });
    await set({ "cluster.blocks.read_only": true });
    expect((await gra.readiness("bhs")).readOnly).toBe(true);
    await set({ "cluster.blocks.read_only": null });
    expect((await gra.readiness("bhs")).readOnly).toBe(false);
  });
});

describe("indices", () => {
  test("are listed with state, shards, aliases and blocks; unmanaged and excluded ones are left out", async () => {
    await createIndex(pair.gra, "orders-a", {
      settings: { number_of_replicas: 0, number_of_shards: 2 },
      aliases: { "orders-write": { is_write_index: true }, "orders-read": {} },
    });
    await gra.setWriteBlock(["orders-a"], true);
    await gra.closeIndices(["orders-a"]);
    const closed = (await gra.indices()).find(({ name }) => name === "orders-a");
    expect(closed).toMatchObject({ open: false, primaries: 2, writeBlocked: true, following: false, dataStream: null });
    expect(closed?.aliases).toContainEqual({ alias: "orders-write", isWriteIndex: true });
    expect(closed?.aliases).toContainEqual({ alias: "orders-read", isWriteIndex: false });
    await gra.openIndices(["orders-a"]);
    await gra.setWriteBlock(["orders-a"], false);
    const open = (await gra.indices()).find(({ name }) => name === "orders-a");
    expect(open).toMatchObject({ open: true, primaries: 2, primariesActive: 2, writeBlocked: false });
    const names = (await gra.indices()).map(({ name }) => name);
    expect(names).not.toContain("orders-tmp-1");
    expect(names).not.toContain("unmanaged");
  });

  test("have checkpoints per shard, also when closed", async () => {
    await createIndex(pair.gra, "orders-b");
    await writeDocuments(pair.gra, "orders-b", 7);
    const expected = [{ index: "orders-b", shard: 0, globalCheckpoint: 6, maxSeqNo: 6 }];
    expect(await gra.checkpoints(["orders-b"])).toEqual(expected);
    await gra.closeIndices(["orders-b"]);
    await eventually("the closed shard is up", 15_000, async () => (await gra.checkpoints(["orders-b"])).length === 1);
    expect(await gra.checkpoints(["orders-b"])).toEqual(expected);
    expect(await gra.checkpoints([])).toEqual([]);
  });

  test("that do not exist are reported as missing", async () => {
    expect(await failure(gra.closeIndices(["orders-nowhere"]))).toMatchObject({
      kind: "not-found",
      status: 404,
      message: expect.stringMatching(/^gra: close orders-nowhere: no such index/),
    });
  });

  test("may be named in long lists, although Elasticsearch refuses long request lines", async () => {
    const missing = Array.from({ length: 200 }, (_, n) => `orders-${"long-".repeat(8)}${n}`);
    expect(await failure(gra.checkpoints(missing))).toMatchObject({ kind: "not-found" });
  });

  test("a probe write leaves no document, and a write block refuses it", async () => {
    await createIndex(pair.gra, "orders-c");
    await gra.probeWrite("orders-c");
    expect((await pair.gra.call("GET", "/orders-c/_count")).count).toBe(0);
    await gra.setWriteBlock(["orders-c"], true);
    expect(await failure(gra.probeWrite("orders-c"))).toMatchObject({
      kind: "rejected",
      status: 403,
      message: expect.stringMatching(/^gra: probe write to orders-c: .*blocked/),
    });
    expect(await failure(gra.probeWrite("orders-nowhere"))).toMatchObject({ kind: "not-found" });
  });

  test("a probe write succeeds where the mapping requires routing", async () => {
    await createIndex(pair.gra, "orders-routed", { mappings: { _routing: { required: true } } });
    await gra.probeWrite("orders-routed");
  });

  test("one index becomes the write index of an alias in one step, and the alias keeps its filters", async () => {
    const filter = { term: { n: 1 } };
    await createIndex(pair.gra, "orders-d1", { aliases: { "orders-sales": { is_write_index: true, filter } } });
    await createIndex(pair.gra, "orders-d2", { aliases: { "orders-sales": { filter } } });
    await gra.setWriteIndex("orders-sales", "orders-d2");
    const aliases = await pair.gra.call("GET", "/_alias/orders-sales");
    expect(aliases["orders-d1"].aliases["orders-sales"]).toMatchObject({ is_write_index: false, filter });
    expect(aliases["orders-d2"].aliases["orders-sales"]).toMatchObject({ is_write_index: true, filter });
  });

  test("is set on an index without the alias, also where no index has it", async () => {
    await createIndex(pair.gra, "orders-e1", {});
    await gra.setWriteIndex("orders-fresh", "orders-e1");
    const aliases = await pair.gra.call("GET", "/_alias/orders-fresh");
    expect(aliases).toEqual({ "orders-e1": { aliases: { "orders-fresh": { is_write_index: true } } } });
  });
});

describe("definitions", () => {
  test("made by users are read and copied until both clusters have the same; those of the system are left out", async () => {
    await pair.gra.call("PUT", "/_component_template/orders-base", {
      body: { template: { settings: { number_of_shards: 1 } }, _meta: { owner: "sales" } },
    });
    await pair.gra.call("PUT", "/_index_template/orders", {
      body: { index_patterns: ["orders-t*"], composed_of: ["orders-base"], priority: 200 },
    });
    await pair.gra.call("PUT", "/_component_template/system-like", {
      body: { template: {}, _meta: { managed: true } },
    });
    const kinds = ["component-template", "index-template", "ingest-pipeline"] as const;
    expect((await gra.definitions(kinds)).map(({ name }) => name).sort()).toEqual(["orders", "orders-base"]);
    await pair.gra.call("PUT", "/_ingest/pipeline/orders-clean", {
      body: { description: "of a test", processors: [], _meta: { owner: "sales" } },
    });
    const definitions = await gra.definitions(kinds);
    expect(definitions.map(({ name }) => name).sort()).toEqual(["orders", "orders-base", "orders-clean"]);
    for (const definition of definitions) await bhs.putDefinition(definition);
    expect(await bhs.definitions(kinds)).toEqual(definitions);
  });

  test("of a module that the cluster lacks are empty, which is reported once", async () => {
    const missing: string[] = [];
    const cluster = connect(pair.gra, { unavailable: (region, kind) => missing.push(`${region} ${kind}`) });
    await cluster.definitions(["index-template", "ilm-policy"]);
    await cluster.definitions(["ilm-policy"]);
    // The lab's nodes have no module for ILM, unlike a complete distribution.
    expect(missing).toEqual(["gra ilm-policy"]);
    expect(await cluster.dataStreams()).toEqual([]);
  });
});

describe("replication", () => {
  test("a follower refuses writes until it is paused, closed, unfollowed and opened; then it accepts them", async () => {
    const index = "orders-promoted";
    await followed(index, 20);
    const [follower] = (await bhs.followers()).filter((candidate) => candidate.index === index);
    expect(follower).toMatchObject({ leaderIndex: index, remoteCluster: "gra", status: "active" });
    expect(follower?.shards).toMatchObject([
      { shard: 0, followerCheckpoint: 19, leaderCheckpointLastKnown: 19, fatalError: null, readErrors: [] },
    ]);
    expect((await bhs.indices()).find(({ name }) => name === index)).toMatchObject({ following: true, open: true });
    expect(await failure(bhs.probeWrite(index))).toMatchObject({
      kind: "rejected",
      status: 403,
      message: expect.stringMatching(/following engine does not accept operations/),
    });
    expect(await failure(bhs.unfollow(index))).toMatchObject({ kind: "rejected", status: 400 });

    await bhs.pauseFollow(index);
    expect((await bhs.followers()).find((candidate) => candidate.index === index)).toMatchObject({
      status: "paused",
      shards: [],
    });
    expect(await bhs.checkpoints([index])).toEqual([{ index, shard: 0, globalCheckpoint: 19, maxSeqNo: 19 }]);
    await bhs.closeIndices([index]);
    await bhs.unfollow(index);
    await bhs.openIndices([index]);
    await bhs.probeWrite(index);
    expect((await bhs.indices()).find(({ name }) => name === index)).toMatchObject({ following: false, open: true });
    expect((await bhs.followers()).map((candidate) => candidate.index)).not.toContain(index);
  });

  test("a paused follower continues where it was when it is resumed", async () => {
    const index = "orders-resumed";
    await followed(index, 5);
    await bhs.pauseFollow(index);
    await writeDocuments(pair.gra, index, 5);
    await bhs.resumeFollow(index);
    await eventually("the follower has caught up", 15_000, async () => {
      const [checkpoint] = await bhs.checkpoints([index]);
      return checkpoint?.globalCheckpoint === 9;
    });
  });

  test("a leader that does not exist cannot be followed", async () => {
    const attempt = bhs.follow("orders-nowhere", { remoteCluster: "gra", index: "orders-nowhere" });
    expect(await failure(attempt)).toMatchObject({ kind: "not-found" });
  });

  test("auto-follow patterns are put, paused, resumed, read back and deleted", async () => {
    const pattern = { name: "es-failover", remoteCluster: "gra", patterns: ["orders*"], exclusions: ["orders-tmp*"] };
    await bhs.putAutoFollow(pattern);
    expect(await bhs.autoFollowPatterns()).toEqual([{ ...pattern, active: true }]);
    await bhs.pauseAutoFollow("es-failover");
    expect(await bhs.autoFollowPatterns()).toEqual([{ ...pattern, active: false }]);
    await bhs.resumeAutoFollow("es-failover");
    await createIndex(pair.gra, "orders-auto");
    await eventually("the new index is followed", 30_000, async () =>
      (await bhs.followers()).some(({ index }) => index === "orders-auto"),
    );
    await bhs.deleteAutoFollow("es-failover");
    expect(await bhs.autoFollowPatterns()).toEqual([]);
    expect(await failure(bhs.pauseAutoFollow("es-failover"))).toMatchObject({ kind: "not-found" });
  });

  test("a follower's fatal error and its failing reads are reported", async () => {
    await followed("orders-fatal", 3);
    await followed("orders-read-fails", 3);
    await misbehave("fatal", ["orders-fatal"]);
    await misbehave("read_fails", ["orders-read-fails"]);
    // A waiting read ends with the next operation; the read after it fails.
    await writeDocuments(pair.gra, "orders-read-fails", 1);
    const shardOf = async (index: string) => (await bhs.followers()).find((each) => each.index === index)?.shards[0];
    await eventually(
      "the fatal error is seen",
      15_000,
      async () => (await shardOf("orders-fatal"))?.fatalError !== null,
    );
    await eventually(
      "failed reads are seen",
      15_000,
      async () => ((await shardOf("orders-read-fails"))?.failedReads ?? 0) > 0,
    );
    expect((await shardOf("orders-read-fails"))?.readErrors).not.toEqual([]);
    await misbehave("fatal", []);
    await misbehave("read_fails", []);
  });

  test("an unfollow that converts the index but cannot remove retention leases succeeds", async () => {
    const index = "orders-lease";
    await followed(index, 3);
    await misbehave("lease_removal_fails", [index]);
    await bhs.pauseFollow(index);
    await bhs.closeIndices([index]);
    await bhs.unfollow(index);
    await bhs.openIndices([index]);
    await bhs.probeWrite(index);
    await misbehave("lease_removal_fails", []);
  });

  test("an unfollow that hangs fails at its timeout, and the index is still a follower", async () => {
    const index = "orders-hangs";
    await followed(index, 3);
    await misbehave("unfollow_hangs", [index]);
    await bhs.pauseFollow(index);
    await bhs.closeIndices([index]);
    const impatient = connect(pair.bhs, { unfollowTimeoutMs: 500 });
    expect(await failure(impatient.unfollow(index))).toMatchObject({
      kind: "timeout",
      message: `bhs: unfollow ${index}: no answer within 500 ms`,
    });
    expect((await bhs.indices()).find(({ name }) => name === index)).toMatchObject({ following: true });
    await misbehave("unfollow_hangs", []);
    await bhs.unfollow(index);
  });

  test("a remote that was away is reconnected on demand, and by nothing else while it is unused", async () => {
    const connected = async () => (await gra.readiness("bhs")).remote.connected;
    expect(await connected()).toBe(true);
    await pair.bhs.kill();
    await eventually("gra notices that bhs is gone", 15_000, async () => !(await connected()));
    expect((await gra.readiness("bhs", { reconnect: true })).remote).toEqual({
      configured: true,
      connected: false,
      keyed: false,
    });
    await pair.bhs.restart();
    expect(await connected()).toBe(false);
    expect((await gra.readiness("bhs", { reconnect: true })).remote).toEqual({
      configured: true,
      connected: true,
      keyed: false,
    });
    expect(await connected()).toBe(true);
  });

  // Last, because gra is gone afterwards.
  test("a follower whose leader is dead is promoted all the same", async () => {
    const index = "orders-orphan";
    await followed(index, 12);
    await pair.gra.kill();
    expect((await gra.probe()).reachable).toBe(false);
    expect((await bhs.readiness("gra")).remote).toMatchObject({ configured: true });
    await bhs.pauseFollow(index);
    await bhs.closeIndices([index]);
    await bhs.unfollow(index);
    await bhs.openIndices([index]);
    await bhs.probeWrite(index);
    const [checkpoint] = await bhs.checkpoints([index]);
    // The tombstone of the probe write is one more operation.
    expect(checkpoint).toMatchObject({ globalCheckpoint: 12 });
  });
});
