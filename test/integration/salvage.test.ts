import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import {
  createElasticsearchCluster,
  type ElasticsearchCluster,
} from "../../watchdog/adapters/elasticsearch/cluster.ts";
import {
  createElasticsearchDocuments,
  type ElasticsearchDocuments,
} from "../../watchdog/adapters/elasticsearch/documents.ts";
import {
  createElasticsearchSampler,
  type ElasticsearchSampler,
} from "../../watchdog/adapters/elasticsearch/samples.ts";
import { roleDefinitions } from "../../watchdog/config/roles.ts";
import { checkpointOf, type Divergence } from "../../watchdog/core/state/divergence.ts";
import { verifyRegions } from "../../watchdog/diagnostics/verify/verify.ts";
import { previewReplay, replaySalvage } from "../../watchdog/salvage/commands.ts";
import { discardIndices } from "../../watchdog/salvage/discards.ts";
import { type ExportResult, exportOperations } from "../../watchdog/salvage/export/export.ts";
import { freeBytes } from "../../watchdog/salvage/export/room.ts";
import { authorizeDeletion } from "../../watchdog/salvage/gate.ts";
import { readLines } from "../../watchdog/salvage/lines.ts";
import { operationFromLine } from "../../watchdog/salvage/operation.ts";
import type { ActivePrimary, OldPrimary } from "../../watchdog/salvage/ports.ts";
import { totalOf } from "../../watchdog/salvage/replay/classification.ts";
import type { ReplayChoice } from "../../watchdog/salvage/replay/replay-plan.ts";
import { ReceiptVerifier } from "../../watchdog/salvage/verifier.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { nodesAs } from "./support/access.ts";

/**
 * One failover, from the first write to the last replayed document, on two real clusters. The tests build on each
 * other, in the order of an operator's work.
 */

const patterns = ["orders*", "local*"];
const watchdog = { username: "es-failover", password: "salvage-test-password" };
const orders = "orders-1";
const careful: ReplayChoice = { classes: ["missing", "newer"], includeMayBeDeleted: false };

interface Region extends OldPrimary, ActivePrimary {
  readonly cluster: ElasticsearchCluster;
  readonly documentAccess: ElasticsearchDocuments;
  readonly sampler: ElasticsearchSampler;
}

let pair: ClusterPair;
let gra: Region;
let bhs: Region;
let root: string;
let divergence: Divergence;
let exported: ExportResult;

const room = { reserveBytes: 0, freeBytes };
const verifier = new ReceiptVerifier();
const mayDelete = (indices: readonly string[], of = root) =>
  authorizeDeletion({ root: of, second: null, verifier, divergence, oldPrimary: gra, indices });

/** What the gate answers when it opens. */
const authorizes = (...names: readonly string[]) => ({
  authorized: names.map((name) => ({ name, uuid: expect.any(String) })),
});

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "es-failover-salvage-"));
  pair = await borrowClusterPair();
  await Promise.all([pair.gra, pair.bhs].map(createWatchdogUser));
  gra = connect(pair.gra);
  bhs = connect(pair.bhs);
  await replicateThenDiverge();
  // The first run on a machine builds the lab's Elasticsearch as well.
}, 600_000);

afterAll(async () => {
  for (const region of [gra, bhs]) {
    await Promise.all([region?.cluster.close(), region?.documentAccess.close(), region?.sampler.close()]);
  }
  await pair?.stop();
  await rm(root, { recursive: true, force: true });
});

describe("salvage of an old primary that has returned", () => {
  test("exports every document above the checkpoints, rounds no number, and counts each operation", async () => {
    exported = await exportFrom(gra);
    const { receipts, directory } = exported;
    const ids: string[] = [];
    const lines = new Map<string, string>();
    for (const { uuid, operations } of receipts) {
      for await (const line of readLines(path.join(directory, uuid, operations.file), "gzip")) {
        const { id } = operationFromLine(line);
        ids.push(id);
        lines.set(id, line);
      }
    }
    expect(ids.sort()).toEqual(onlyOnGra.exported.toSorted());
    expect(lines.get("new-0")).toContain('"source":{"n":9007199254740993}');
    expect(lines.get("local-a")).toContain('"source":{"n":1,"price":1.10}');
    expect(lines.get("routed")).toContain('"routing":"customer-7"');
    expect(lines.get("vector")).toContain('"embedding":[0.5,0.25]');

    const account = receipts.flatMap(({ shards }) => shards);
    const sum = (field: "exported" | "invisible") => account.reduce((total, shard) => total + shard[field], 0);
    expect(sum("exported")).toBe(onlyOnGra.exported.length);
    expect(sum("invisible")).toBe(onlyOnGra.invisible);
    expect(receipts.flatMap(({ limits }) => limits).join()).toContain(`${onlyOnGra.invisible} operations`);
    const stats = await gra.checkpoints([orders, "local-1"]);
    for (const { index, shards } of receipts) {
      for (const { shard, maxSeqNo, checkpoint } of shards) {
        expect(maxSeqNo).toBe(stats.find((known) => known.index === index && known.shard === shard)?.maxSeqNo);
        expect(checkpoint).toBe(checkpointOf(divergence, index, shard));
      }
    }
  });

  test("an interrupted export starts over and finds the same operations", async () => {
    const other = await mkdtemp(path.join(root, "cut-"));
    let pages = 0;
    const cut: OldPrimary = {
      ...asOldPrimary(gra),
      readOperations: async (range) => {
        pages += 1;
        if (pages === 3) throw new Error("connection lost");
        return gra.readOperations(range);
      },
    };
    const pageBounds = { firstDocuments: 2, maxDocuments: 2, targetBytes: 1_000_000 };
    const options = { root: other, divergence, room, nowMs: Date.now, pageBounds, compression: "none" as const };
    await expect(exportOperations({ ...options, oldPrimary: cut })).rejects.toThrow("connection lost");
    expect(await mayDelete([orders], other)).toHaveProperty("refusals");
    const { receipts } = await exportOperations({ ...options, oldPrimary: gra });
    expect(receipts.reduce((sum, { operations }) => sum + operations.count, 0)).toBe(onlyOnGra.exported.length);
    expect(await mayDelete([orders], other)).toEqual(authorizes(orders));
  });

  test("the gate opens for what the receipt proves, and not for a file that was changed", async () => {
    const both = ["local-1", orders];
    expect(await mayDelete(both)).toEqual(authorizes(...both));
    const { uuid = "", operations } = exported.receipts.find(({ index }) => index === orders) ?? {};
    const file = path.join(exported.directory, uuid, operations?.file ?? "");
    const content = await readFile(file);
    await appendFile(file, Buffer.from([0]));
    expect(await mayDelete(both)).toHaveProperty("refusals");
    await writeFile(file, content);
    expect(await mayDelete(both)).toEqual(authorizes(...both));
  });

  test("the gate shuts without a write block, and after one more write to the old primary", async () => {
    await gra.cluster.setWriteBlock(["local-1"], false);
    expect(await mayDelete(["local-1"])).toMatchObject({
      refusals: [{ reason: expect.stringContaining("write block") }],
    });
    await pair.gra.call("PUT", "/local-1/_doc/later", { body: { n: 1 } });
    await gra.cluster.setWriteBlock(["local-1"], true);
    expect(await mayDelete(["local-1"])).toMatchObject({
      refusals: [{ index: "local-1", reason: expect.stringContaining("the receipt ends at") }],
    });
    const request = { root, oldPrimary: gra, operator: "test", reason: "known to be worthless", nowMs: Date.now };
    await discardIndices({ ...request, indices: ["local-1"] });
    expect(await mayDelete(["local-1"])).toEqual(authorizes("local-1"));
  });

  test("a preview counts each class and changes nothing", async () => {
    const before = await bhs.checkpoints([orders]);
    const { classifications, report } = await previewReplay(requestFor(careful), Date.now);
    expect(totalOf(classifications)).toEqual(onlyOnGra.classes);
    expect(classifications.flatMap(({ absentIndices }) => absentIndices)).toEqual(["local-1"]);
    expect(report.created).toEqual(["local-1"]);
    expect(report.attempted).toBe(onlyOnGra.replayable.length);
    expect(report.skipped).toMatchObject({
      "index-absent": 0,
      "may-be-deleted": 2,
      "not-chosen": 1,
      older: 1,
      same: 1,
    });
    expect(await bhs.checkpoints([orders])).toEqual(before);
  });

  test("a replay interrupted within a batch is resumed: missing documents return, conflicting ones stay", async () => {
    const { id } = await previewReplay(requestFor(careful), Date.now);
    let batches = 0;
    const cut: ActivePrimary = {
      ...asActivePrimary(bhs),
      write: async (writes) => {
        const results = await bhs.write(writes);
        batches += 1;
        // The batch took effect; its results are lost.
        if (batches === 2) throw new Error("connection lost");
        return results;
      },
    };
    const bounds = { maxOperations: 5, maxBytes: 1_000_000 };
    await expect(replaySalvage({ ...requestFor(careful), active: cut, bounds }, id)).rejects.toThrow("connection lost");
    const resumed = await replaySalvage({ ...requestFor(careful), bounds }, id);
    expect(resumed.failures).toEqual([]);
    expect(resumed.outcomes).toMatchObject({ changed: 0, failed: 0 });
    expect(resumed.outcomes.present).toBeGreaterThan(0);
    expect(resumed.outcomes.written).toBeGreaterThan(0);

    for (const document of onlyOnGra.replayable) {
      const index = document.startsWith("local-") ? "local-1" : orders;
      const query = document === "routed" ? "?routing=customer-7" : "";
      const [there, here] = await Promise.all([
        pair.bhs.call("GET", `/${index}/_source/${document}${query}`),
        pair.gra.call("GET", `/${index}/_source/${document}${query}`),
      ]);
      expect(there).toEqual(here);
    }
    expect(await pair.bhs.call("GET", `/${orders}/_source/conflict`)).toEqual({ by: "bhs" });
    expect(await pair.bhs.call("GET", `/${orders}/_source/stale`)).toEqual({ by: "bhs", again: true });
    expect((await pair.bhs.rest("GET", `/${orders}/_doc/deleted-there`)).status).toBe(404);
  });

  test("the replay has created an index that only the old primary had, with its definition, and its alias takes no writes", async () => {
    const created = await pair.bhs.call("GET", "/local-1");
    const local = created["local-1"];
    expect(local.mappings).toEqual({
      properties: { n: { type: "long" }, price: { type: "double" } },
    });
    expect(local.settings.index).toMatchObject({ number_of_shards: "1", refresh_interval: "7s" });
    expect(local.settings.index.blocks).toBeUndefined();
    expect(local.aliases).toEqual({ "local-all": { is_write_index: false } });
    const price = await pair.bhs.rest("GET", "/local-1/_source/local-a");
    expect(price.status).toBe(200);
    expect((await pair.bhs.rest("POST", "/local-all/_doc", { body: { n: 9 } })).status).toBe(400);
  });

  test("a second replay changes nothing, not even a document that was deleted after the first one", async () => {
    await pair.bhs.call("DELETE", `/${orders}/_doc/new-1`);
    const before = await bhs.checkpoints([orders]);
    const { id } = await previewReplay(requestFor(careful), Date.now);
    const again = await replaySalvage(requestFor(careful), id);
    expect(again.outcomes).toEqual({ written: 0, present: 0, changed: 0, failed: 0 });
    expect(await bhs.checkpoints([orders])).toEqual(before);
  });

  test("a selected conflict overwrites the copy that the preview read, and none that came later", async () => {
    const choice: ReplayChoice = { classes: ["conflicting"], includeMayBeDeleted: false };
    const { id } = await previewReplay(requestFor(choice), Date.now);
    await pair.bhs.call("PUT", `/${orders}/_doc/conflict`, { body: { by: "bhs", since: "the preview" } });
    expect((await replaySalvage(requestFor(choice), id)).outcomes).toMatchObject({
      written: 0,
      changed: 1,
    });
    // bhs now has three versions, more than gra ever wrote: it is ahead, and no choice overwrites that.
    const second = await previewReplay(requestFor(choice), Date.now);
    expect(second.report.attempted).toBe(0);
  });
});

describe("comparison of two regions", () => {
  test("finds the differences between an old primary and the new one", async () => {
    const report = await verifyRegions({ leader: compared(bhs), follower: compared(gra), seed: "1" });
    expect(report).toMatchObject({ verdict: "different", onlyOnFollower: [] });
    const different = report.indices.flatMap(({ shards }) => shards.flatMap(({ differences }) => differences));
    expect(different.length).toBeGreaterThan(0);
  });

  test("finds no difference once the old primary follows", async () => {
    await gra.cluster.deleteIndices([orders, "local-1"]);
    for (const index of [orders, "local-1"]) await gra.cluster.follow(index, { remoteCluster: "bhs", index });
    await caughtUp(bhs, gra, [orders, "local-1"]);
    const report = await verifyRegions({ leader: compared(bhs), follower: compared(gra), seed: "1" });
    expect(report).toMatchObject({ verdict: "equal", onlyOnFollower: [], onlyOnLeader: [] });
    expect(report.indices.map(({ index, counts }) => [index, counts])).toEqual([
      ["local-1", "equal"],
      [orders, "equal"],
    ]);
    const shards = report.indices.flatMap((index) => index.shards);
    expect(shards.every(({ documents }) => documents > 0)).toBe(true);
  });
});

/** What the scenario leaves on gra alone, counted by hand from the writes in `divergeOnGra`. */
const onlyOnGra = {
  exported: [
    ...Array.from({ length: 10 }, (_, n) => `new-${n}`),
    "routed",
    "vector",
    "updated",
    "updated-twice",
    "rewritten",
    "conflict",
    "stale",
    "same",
    "deleted-there",
    "local-a",
    "local-b",
  ],
  /** Two deletes, the first update of `updated-twice`, the first version of `rewritten`. */
  invisible: 4,
  replayable: [
    ...Array.from({ length: 10 }, (_, n) => `new-${n}`),
    "routed",
    "vector",
    "updated",
    "updated-twice",
    "local-a",
    "local-b",
  ],
  classes: { missing: 16, mayBeDeleted: 2, same: 1, newer: 2, older: 1, conflicting: 1 },
};

async function replicateThenDiverge(): Promise<void> {
  await pair.gra.call("PUT", `/${orders}`, {
    body: {
      settings: { number_of_shards: 2, number_of_replicas: 0 },
      mappings: { properties: { embedding: { type: "dense_vector", dims: 2 } } },
    },
  });
  const shared = ["updated", "updated-twice", "gone-1", "gone-2", "conflict", "stale", "same", "deleted-there"];
  for (const id of shared) await pair.gra.call("PUT", `/${orders}/_doc/${id}`, { body: { by: "gra", n: 0 } });
  for (let n = 0; n < 20; n += 1) await pair.gra.call("PUT", `/${orders}/_doc/old-${n}`, { body: { n } });
  await bhs.cluster.follow(orders, { remoteCluster: "gra", index: orders });
  await caughtUp(gra, bhs);
  await bhs.cluster.pauseFollow(orders);
  const checkpoints = await bhs.checkpoints([orders]);
  await divergeOnGra();
  await bhs.cluster.closeIndices([orders]);
  await bhs.cluster.unfollow(orders);
  await bhs.cluster.openIndices([orders]);
  divergence = {
    epoch: 3,
    oldRegion: "gra",
    newRegion: "bhs",
    promotedAtMs: Date.now(),
    checkpoints: checkpoints.map(({ index, shard, globalCheckpoint }) => ({
      index,
      shard,
      checkpoint: globalCheckpoint,
    })),
  };
  await divergeOnBhs();
  await gra.cluster.setWriteBlock([orders, "local-1"], true);
}

async function caughtUp(leader: Region, follower: Region, indices: readonly string[] = [orders]): Promise<void> {
  const hasEverything = async () => {
    const [ours, theirs] = await Promise.all([leader.checkpoints(indices), follower.checkpoints(indices)]);
    return ours.every(({ index, shard, maxSeqNo }) =>
      theirs.some((known) => known.index === index && known.shard === shard && known.globalCheckpoint === maxSeqNo),
    );
  };
  await eventually(`${follower.region} has every operation of ${leader.region}`, 60_000, hasEverything);
}

async function divergeOnGra(): Promise<void> {
  const put = (id: string, body: unknown, query = "") =>
    pair.gra.call("PUT", `/${orders}/_doc/${id}${query}`, { body });
  // As text: JSON.stringify would round the integer and, below, shorten the decimal.
  await pair.gra.call("POST", `/${orders}/_bulk`, {
    ndjson: '{"index":{"_id":"new-0"}}\n{"n":9007199254740993}\n',
  });
  for (let n = 1; n < 10; n += 1) await put(`new-${n}`, { n });
  await put("routed", { n: 1 }, "?routing=customer-7");
  await put("vector", { embedding: [0.5, 0.25] });
  await put("updated", { by: "gra", n: 1 });
  await put("updated-twice", { by: "gra", n: 1 });
  await put("updated-twice", { by: "gra", n: 2 });
  await put("rewritten", { n: 1 });
  await put("rewritten", { n: 2 });
  await pair.gra.call("DELETE", `/${orders}/_doc/gone-1`);
  await pair.gra.call("DELETE", `/${orders}/_doc/gone-2`);
  for (const id of ["conflict", "stale", "deleted-there"]) await put(id, { by: "gra", n: 1 });
  await put("same", { n: 5, by: "both" });
  await pair.gra.call("PUT", "/local-1", {
    body: {
      settings: { number_of_shards: 1, number_of_replicas: 0, refresh_interval: "7s" },
      mappings: { properties: { n: { type: "long" }, price: { type: "double" } } },
      aliases: { "local-all": { is_write_index: true } },
    },
  });
  await pair.gra.call("POST", "/local-1/_bulk", {
    ndjson: '{"index":{"_id":"local-a"}}\n{"n":1,"price":1.10}\n{"index":{"_id":"local-b"}}\n{"n":2}\n',
  });
}

async function divergeOnBhs(): Promise<void> {
  const put = (id: string, body: unknown) => pair.bhs.call("PUT", `/${orders}/_doc/${id}`, { body });
  await put("conflict", { by: "bhs" });
  await put("stale", { by: "bhs" });
  await put("stale", { by: "bhs", again: true });
  await put("same", { by: "both", n: 5 });
  await pair.bhs.call("DELETE", `/${orders}/_doc/deleted-there`);
  for (let n = 0; n < 5; n += 1) await put(`fresh-${n}`, { n });
}

async function createWatchdogUser(cluster: TestCluster): Promise<void> {
  const role = Object.values(roleDefinitions({ patterns }))[0];
  await cluster.call("PUT", "/_security/role/es_failover_watchdog", { body: role });
  await cluster.call("PUT", `/_security/user/${watchdog.username}`, {
    body: { password: watchdog.password, roles: ["es_failover_watchdog"] },
  });
}

function connect(of: TestCluster): Region {
  const options = { ...nodesAs(of, watchdog), requestTimeoutMs: 30_000 };
  const managed = { patterns, exclusions: [] };
  const cluster = createElasticsearchCluster({ ...options, managed, probeTimeoutMs: 5_000, unfollowTimeoutMs: 30_000 });
  const documentAccess = createElasticsearchDocuments(options);
  const sampler = createElasticsearchSampler(options);
  return { ...cluster, ...documentAccess, cluster, documentAccess, sampler };
}

function asOldPrimary({ region, probe, indices, checkpoints, documentAccess }: Region): OldPrimary {
  return { region, probe, indices, checkpoints, ...documentAccess };
}

function asActivePrimary({ region, probe, documentAccess }: Region): ActivePrimary {
  return { region, probe, ...documentAccess };
}

function compared({ region, indices, checkpoints, sampler }: Region) {
  return { region, indices, checkpoints, ...sampler };
}

const exportFrom = (oldPrimary: OldPrimary) =>
  exportOperations({ root, divergence, oldPrimary, room, verifier, nowMs: Date.now });

function requestFor(choice: ReplayChoice) {
  return { root, name: "3-gra", active: bhs, choice };
}
