import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import {
  createElasticsearchCluster,
  type ElasticsearchCluster,
} from "../../watchdog/adapters/elasticsearch/cluster.ts";
import { haproxyMissing } from "./haproxy-process.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { nodesAs } from "./support/access.ts";
import { clear, createUsers, managedPatterns, passwords, seed, stateOf } from "./support/watchdog-clusters.ts";
import { releaseForTests } from "./support/watchdog-release.ts";
import { WatchdogSite } from "./support/watchdog-site.ts";

/**
 * What Elasticsearch, and all that depends on it, does once a licence has lapsed. The licence is exchanged in the cluster's
 * state; everything that follows is the doing of Elasticsearch's own modules (of CCR: of the stand-in).
 */

let pair: ClusterPair;

beforeAll(async () => {
  pair = await borrowClusterPair();
  await createUsers(pair);
});

afterEach(async () => {
  for (const cluster of [pair.gra, pair.bhs]) await setLapsed(cluster, false);
});

afterAll(() => pair?.stop());

async function setLapsed(cluster: TestCluster, lapsed: boolean): Promise<void> {
  await cluster.call("PUT", "/_cluster/settings", { body: { persistent: { "lab_licence.lapsed": lapsed || null } } });
  await eventually(`the licence of ${cluster.name} is ${lapsed ? "expired" : "active"}`, 30_000, async () => {
    const { license } = await cluster.call("GET", "/_license");
    const { status } = await cluster.rest("GET", "/_cluster/health");
    return license.status === (lapsed ? "expired" : "active") && status === (lapsed ? 403 : 200);
  });
}

describe("a cluster whose licence has lapsed", () => {
  const probed = async (cluster: ElasticsearchCluster) => {
    const probe = await cluster.probe();
    if (!probe.reachable) throw new Error(probe.error);
    return probe;
  };
  let gra: ElasticsearchCluster;

  beforeAll(() => {
    gra = createElasticsearchCluster({
      ...nodesAs(pair.gra, { username: "es-failover", password: passwords.watchdog }),
      requestTimeoutMs: 30_000,
      probeTimeoutMs: 30_000,
      unfollowTimeoutMs: 30_000,
      managed: { patterns: managedPatterns, exclusions: [] },
    });
  });
  afterAll(() => gra.close());
  afterEach(async () => {
    await setLapsed(pair.gra, false);
    await clear(pair);
  });

  test("is probed as before, by its cluster state: master, colour, and the red indices among the managed ones", async () => {
    const nowhere = { settings: { "index.routing.allocation.require._name": "nobody" } };
    await pair.gra.call("PUT", "/orders-1", { body: { settings: { number_of_replicas: 0 } } });
    const compare = async () => {
      const before = await probed(gra);
      expect(before.licenceLapsed).toBe(false);
      const indices = await gra.indices();
      await setLapsed(pair.gra, true);
      expect(await probed(gra)).toEqual({ ...before, licenceLapsed: true });
      expect(await gra.indices()).toEqual(indices);
      await setLapsed(pair.gra, false);
      return before.status;
    };
    expect(await compare()).toBe("green");
    await pair.gra.call("PUT", "/orders-2", { body: { settings: { number_of_replicas: 1 } } });
    expect(await compare()).toBe("yellow");
    await pair.gra.call("PUT", "/orders-3?wait_for_active_shards=0", { body: nowhere });
    expect(await compare()).toBe("red");
    await pair.gra.call("POST", "/orders-1/_close");
    expect(await compare()).toBe("red");
    await gra.deleteIndices(["orders-3"]);
  });

  test("is not read-only and still describes itself: its licence with the date, its followers, its auto-follow", async () => {
    await setLapsed(pair.gra, true);
    const { licence, readOnly } = await gra.readiness("bhs");
    expect({ ...licence, readOnly }).toMatchObject({ type: "trial", active: false, allowsCcr: false, readOnly: false });
    expect(licence.expiresAtMs).toBeGreaterThan(Date.now() - 7_200_000);
    expect(licence.expiresAtMs).toBeLessThan(Date.now());
    expect(await gra.followers()).toEqual([]);
    expect(await gra.autoFollowPatterns()).toEqual([]);
    await expect(gra.checkpoints(["orders-1"])).rejects.toMatchObject({ kind: "unlicensed" });
    await expect(gra.follow("orders-9", { remoteCluster: "bhs", index: "orders-9" })).rejects.toMatchObject({
      kind: "unlicensed",
    });
  });
});

describe.skipIf(haproxyMissing !== undefined)(`two regions whose licences lapse ${haproxyMissing ?? ""}`, () => {
  let site: WatchdogSite;

  const release = releaseForTests();
  beforeAll(async () => {
    await seed(pair);
    site = await WatchdogSite.inSync(pair, release());
    await Promise.all([setLapsed(pair.gra, true), setLapsed(pair.bhs, true)]);
  });
  afterAll(async () => {
    await site?.stop();
    for (const cluster of [pair.gra, pair.bhs]) await setLapsed(cluster, false);
    await clear(pair);
  });

  test("go on: the entry serves, HAProxy keeps every node, the watchdog names the licence", async () => {
    await Promise.all([setLapsed(pair.gra, true), setLapsed(pair.bhs, true)]);
    // Eight seconds and more: HAProxy needs three to mark a node down, and the watchdog to count a region as lost.
    const told = await site.untilStatus(
      "both regions are well for long, and both licences are known to have lapsed",
      ({ regions, summary }) =>
        summary.includes("gra is degraded: its licence has lapsed") &&
        regions.every(
          ({ licence, health }) =>
            licence?.active === false &&
            health.state === "healthy" &&
            health.successesInARow >= 8 &&
            health.lastProbe?.reachable === true &&
            health.lastProbe.licenceLapsed,
        ),
    );
    for (const { health } of told.regions) expect(health.reason).toMatch(/its licence has lapsed/);
    await site.untilStatus(
      "HAProxy has no node down",
      ({ router }) => router?.state?.servers.every(({ up }) => up) === true,
    );
    await site.untilAnswer("the entry serves from gra", ({ status, region }) => status === 200 && region === "gra");
    expect((await site.request("PUT", "/orders/_create/unlicensed", { n: 1 })).status).toBe(201);
    expect((await site.request("GET", "/orders/_search")).status).toBe(200);
  });

  test("fail over by `--force` alone: the rest names the licence", async () => {
    await Promise.all([setLapsed(pair.gra, true), setLapsed(pair.bhs, true)]);
    await site.askFailover("bhs", false);
    await site.untilDecided("refuse-request", /the trial licence of bhs is not active: it lapsed on .*--force/);
    // On a busy machine bhs may be suspect for a moment, and the request would be refused.
    await site.untilStatus("bhs is healthy", ({ regions }) =>
      regions.some(({ region, health }) => region === "bhs" && health.state === "healthy"),
    );
    await site.askFailover("bhs", true);
    await site.untilServing("bhs");
    expect(await stateOf(pair.bhs)).toMatchObject({ writeIndex: "orders-000002", followers: {} });
    const { status, region } = await site.request("PUT", "/orders/_create/after-failover", { n: 1 });
    expect({ status, region }).toEqual({ status: 201, region: "bhs" });
    const { lastFailover } = await site.record();
    expect(lastFailover?.loss).toMatchObject({
      atMost: null,
      explanation: expect.stringMatching(/^not known: without a licence/),
    });
  });
});
