import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { listSalvages } from "../../watchdog/salvage/exports.ts";
import { salvageRoot } from "../../watchdog/salvage/salvage.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { InProcessSite, missingFrom } from "./support/in-process-site.ts";
import { application } from "./support/writers.ts";

/**
 * A failover, the return of the old primary and the failback, on two real clusters that replicate, with the file store
 * and salvage in real files. The tests build on each other.
 */

let pair: ClusterPair;
let directory: string;
let site: InProcessSite;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-return-"));
  pair = await borrowClusterPair();
  for (const index of ["orders-1", "orders-2"]) {
    await pair.gra.call("PUT", `/${index}`, {
      body: { settings: { number_of_shards: 2, number_of_replicas: 0 }, aliases: aliasesOf(index) },
    });
  }
  site = await InProcessSite.create({ pair, directory, target: "orders" });
  site.start();
  await site.untilServing("gra", "in-sync");
  // The first run on a machine builds the lab's Elasticsearch as well.
}, 600_000);

afterAll(async () => {
  await site?.stop();
  await pair?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe("a failover and the way back", () => {
  const onlyOnGra = ["stray-1", "stray-2", "stray-3"];

  test("a lost primary leads to a failover under load", async () => {
    site.traffic.start();
    await eventually("50 writes are acknowledged", 60_000, () => site.traffic.acknowledged.size > 50);
    await pair.gra.freeze();
    await site.untilServing("bhs");
    await site.traffic.next(20);
    expect((await site.record()).lastFailover).toMatchObject({ kind: "failover", from: "gra", to: "bhs" });
  });

  test("a region that returns with writes of its own is fenced, salvaged, emptied, and in sync again", async () => {
    await pair.gra.thaw();
    // Written past the routers before gra is fenced: only gra has these.
    for (const id of onlyOnGra) {
      await pair.gra.call("PUT", `/orders-2/_doc/${id}`, { body: { n: 1 }, as: application });
    }
    await pair.gra.call("PUT", "/orders-local/_doc/local", { body: { n: 1 }, as: application });
    await site.untilServing("bhs", "in-sync");
    const { lastFailover, writeBlocks } = await site.record();
    expect(lastFailover?.rejoinedAtMs).not.toBeNull();
    expect(writeBlocks).toBeNull();
    expect(await followersOf(pair.gra)).toEqual(["orders-1", "orders-2"]);
    expect((await pair.gra.rest("GET", "/orders-local")).status).toBe(404);
    expect(site.states).toEqual(["absent", "fencing", "salvaging", "following", "in-sync"]);
    const [exported] = await listSalvages(salvageRoot(directory));
    expect(exported).toMatchObject({ name: "3-gra", state: "exported" });
    expect(exported?.totals.operations).toBeGreaterThanOrEqual(onlyOnGra.length + 1);
  });

  test("a replay of the salvaged writes gives the active region every acknowledged write", async () => {
    const { outcomes } = await site.replayIntoBhs("3-gra");
    expect(outcomes).toMatchObject({ failed: 0, changed: 0 });
    expect(await missingFrom(pair.bhs, "orders", [...site.traffic.acknowledged, ...onlyOnGra])).toEqual([]);
    // The replay has created the index that only gra had. Until gra has all of it, no switchover is possible.
    await eventually("gra could replace all three indices", 60_000, async () => {
      const { count, of } = site.watchdog?.status().replication?.protectedIndices ?? {};
      return count === 3 && of === 3;
    });
  });

  test("a switchover back under load loses nothing", async () => {
    await site.switchOver("gra");
    await site.traffic.next(20);
    await site.untilServing("gra", "in-sync");
    const longestPauseMs = await site.traffic.stop();
    console.log(
      `${site.traffic.acknowledged.size} acknowledged writes; writers waited ${longestPauseMs.failover} ms in the failover, ` +
        `${longestPauseMs.switchover} ms in the switchover`,
    );
    expect((await site.record()).lastFailover).toMatchObject({ kind: "switchover", loss: { atLeast: 0, atMost: 0 } });
    await eventually(
      "bhs has all",
      15_000,
      async () => (await missingFrom(pair.bhs, "orders", [...site.traffic.acknowledged])).length === 0,
    );
    expect(await missingFrom(pair.gra, "orders", [...site.traffic.acknowledged, ...onlyOnGra])).toEqual([]);
    expect(await followersOf(pair.bhs)).toEqual(["orders-1", "orders-2", "orders-local"]);
    // Nothing to salvage: every shard of bhs ended where gra's copy of it began.
    const last = (await listSalvages(salvageRoot(directory))).at(-1);
    expect(last).toMatchObject({ name: "5-bhs", state: "exported", totals: { operations: 0 } });
  });

  test("a promoted follower leaves no retention lease on a leader that was reachable", async () => {
    const leases = async (cluster: TestCluster, follower: string) => {
      const { indices } = await cluster.call("GET", "/orders-1,orders-2/_stats?level=shards");
      return JSON.stringify(indices).match(new RegExp(`${follower}/orders-[^"]*-following-`, "g")) ?? [];
    };
    expect(await leases(pair.bhs, "gra")).toEqual([]);
    expect((await leases(pair.gra, "bhs")).length).toBeGreaterThan(0);
  });
});

const aliasesOf = (index: string) => ({ orders: { is_write_index: index === "orders-2" } });

async function followersOf(cluster: TestCluster): Promise<readonly string[]> {
  const { follower_indices } = await cluster.call("GET", "/_all/_ccr/info");
  return (follower_indices as { follower_index: string }[]).map(({ follower_index }) => follower_index).sort();
}
