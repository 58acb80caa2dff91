import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { CANARY_INDEX } from "../../watchdog/config/canary.ts";
import { roleDefinitions, users } from "../../watchdog/config/roles.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { haproxyMissing } from "./haproxy-process.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { clear, createUsers, managedPatterns, seed, seeded } from "./support/watchdog-clusters.ts";
import { releaseForTests } from "./support/watchdog-release.ts";
import { WatchdogSite } from "./support/watchdog-site.ts";

/** Canaries through a real HAProxy with the rendered configuration, as the user and with the role of provisioning. */

const title = `canaries through the entry${haproxyMissing === undefined ? "" : ` (skipped: ${haproxyMissing})`}`;
const readOnly = "cluster.blocks.read_only_allow_delete";
/** Every disk is fuller. The nodes of tests ignore watermarks otherwise. */
const floodStage = {
  "cluster.routing.allocation.disk.threshold_enabled": true,
  "cluster.routing.allocation.disk.watermark.low": "1%",
  "cluster.routing.allocation.disk.watermark.high": "1%",
  "cluster.routing.allocation.disk.watermark.flood_stage": "1%",
  "cluster.info.update.interval": "10s",
};
const without = (settings: object) => Object.fromEntries(Object.keys(settings).map((name) => [name, null]));

const persist = (cluster: TestCluster, settings: Readonly<Record<string, unknown>>) =>
  cluster.call("PUT", "/_cluster/settings", { body: { persistent: settings } });
const canaryOf = ({ sightings }: WatchdogStatus) => sightings[0]?.canary ?? null;
const healthOf = ({ regions }: WatchdogStatus, name: string) => regions.find(({ region }) => region === name)?.health;
const tokenIn = async (cluster: TestCluster): Promise<string | null> => {
  const { status, body } = await cluster.rest("GET", `/${CANARY_INDEX}/_doc/bhs-haproxy-1`);
  return status === 200 ? body._source.token : null;
};

describe.skipIf(haproxyMissing !== undefined)(title, { timeout: 600_000 }, () => {
  let pair: ClusterPair;
  let site: WatchdogSite;

  const release = releaseForTests();
  beforeAll(async () => {
    pair = await borrowClusterPair();
    await createUsers(pair);
  });
  afterAll(() => pair?.stop());

  const start = async (canary = {}) => {
    site = await WatchdogSite.inSync(pair, release(), { canary });
  };
  beforeEach(() => seed(pair));
  afterEach(async () => {
    await site?.stop();
    for (const cluster of [pair.gra, pair.bhs]) {
      await persist(cluster, without({ [readOnly]: true, ...floodStage }));
    }
    await createUsers(pair);
    await clear(pair);
  });

  const untilReported = (what: string, sentence: RegExp) =>
    site.untilStatus(what, (status) => sentence.test(canaryOf(status) ?? ""));

  test("write and read one document of the active region alone, again and again", async () => {
    await start();
    await eventually("a canary has arrived", 30_000, async () => (await tokenIn(pair.gra)) !== null);
    const first = await tokenIn(pair.gra);
    await eventually("a later one overwrites it", 30_000, async () => (await tokenIn(pair.gra)) !== first);
    const { settings } = (await pair.gra.call("GET", `/${CANARY_INDEX}`))[CANARY_INDEX];
    expect(settings.index).toMatchObject({ hidden: "true", number_of_shards: "1", auto_expand_replicas: "0-1" });
    expect(await tokenIn(pair.bhs)).toBeNull();
    expect(canaryOf(await site.status())).toBeNull();
  });

  test("report a block of the whole cluster and a disk past the flood stage, and move no region by default", async () => {
    await start({ unhealthyThreshold: 4 });
    await persist(pair.gra, { [readOnly]: true });
    const blocked = await untilReported("the block is reported", /fail \(cluster-block, [4-9] in a row .*read-only/);
    expect(healthOf(blocked, "gra")?.state).toBe("healthy");
    await persist(pair.gra, { [readOnly]: null });
    await site.untilStatus("writes are accepted again", (status) => canaryOf(status) === null);

    await persist(pair.gra, floodStage);
    await untilReported("the disk is reported", /fail \(flood-stage, \d+ in a row .*flood-stage watermark/);
    const flooded = await untilReported("for longer than the threshold", /fail \(flood-stage, [6-9] in a row/);
    expect(healthOf(flooded, "gra")?.state).toBe("healthy");
    expect(flooded.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    await persist(pair.gra, without(floodStage));
    await site.untilStatus("the block is lifted", (status) => canaryOf(status) === null);
  });

  test("of a user without its rights prove nothing, and say so", async () => {
    await start({ unhealthyThreshold: 4 });
    const body = { ...roleDefinitions({ patterns: managedPatterns })[users.haproxyCheck.role], indices: [] };
    await pair.gra.call("PUT", `/_security/role/${users.haproxyCheck.role}`, { body });
    const status = await untilReported(
      "the refusal is reported",
      /fail \(forbidden, [6-9] in a row .*proves nothing about gra$/,
    );
    expect(healthOf(status, "gra")?.state).toBe("healthy");
    expect(status.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
  });

  test("fail a region over where the policy names the cause; it comes back, and its own canary index hinders nothing", async () => {
    await start({ unhealthyThreshold: 4, unhealthyCauses: ["cluster-block"] });
    await eventually("gra has a canary", 30_000, async () => (await tokenIn(pair.gra)) !== null);
    await persist(pair.gra, { [readOnly]: true });
    await site.untilServing("bhs");
    const failover = (await site.history()).find(({ rule }) => rule === "failover");
    expect(failover?.explanation).toMatch(
      /gra is unhealthy: writes through the entry fail \(cluster-block, \d+ in a row/,
    );
    await eventually("canaries go to bhs", 60_000, async () => (await tokenIn(pair.bhs)) !== null);
    const before = await tokenIn(pair.gra);
    await persist(pair.gra, { [readOnly]: null });
    await site.untilStatus(
      "gra follows bhs",
      ({ record, replication }) =>
        record?.phase === "serving" &&
        record.standby === "in-sync" &&
        replication?.followers === Object.keys(seeded).length,
    );
    expect(await tokenIn(pair.gra)).toBe(before);
    expect(canaryOf(await site.status())).toBeNull();
  });
});
