import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../lab/util/until.ts";
import type { EtcdClient } from "../../watchdog/adapters/etcd/client.ts";
import { etcdCommand } from "./support/etcd-cluster.ts";
import { SeveralWatchdogs, sites } from "./support/several-watchdogs.ts";

const skipped = (await etcdCommand()) === null;
const key = "/es-failover/record";

describe.skipIf(skipped)("three watchdogs beside one of a newer version, on real etcd (skipped without etcd)", () => {
  let all: SeveralWatchdogs;
  let client: EtcdClient;
  beforeAll(async () => {
    all = await SeveralWatchdogs.start();
    client = all.etcd.client();
    await all.untilSettled();
  });
  afterAll(async () => {
    await all?.stop();
  });

  const stored = async () => (await client.get(key))?.value ?? "";
  /** Writes as a newer version would, once: nothing else may write from then on. */
  const write = async (change: object) => {
    const value = JSON.stringify({ ...JSON.parse(await stored()), ...change });
    await client.transact("write", { compare: [], success: [{ put: key, value }], failure: [] });
    return value;
  };
  const acknowledged = async () =>
    (await client.list("/es-failover/routers/")).map(({ value }) => JSON.parse(value).acknowledgedEpoch);
  const next = { schemaVersion: 2, quorum: { sites: 3 } };

  test("close and acknowledge under its closing record, lead no more, and leave the record as it is", async () => {
    const closing = { phase: "closing", epoch: 2, sequence: 1_000, from: "gra", to: "bhs", urgency: "high" };
    const written = await write({ ...next, ...closing, active: undefined });
    await all.until("both routers are closed", 15_000, () => all.bothOpenTo(null));
    await until("both have acknowledged", 15_000, async () => isDeepStrictEqual(await acknowledged(), [2, 2]));
    for (const site of sites) {
      await all.until(`${site} asks for an upgrade`, 15_000, () =>
        /of a newer version: upgrade this watchdog/.test(all.status(site)?.newerVersion ?? ""),
      );
    }
    await all.until("none of them leads", 15_000, () => all.controller() === undefined);
    const outcome = await all.watchdog("bhs").command({ kind: "pause", reason: "a test" }, "operator");
    expect(outcome).toMatchObject({ accepted: false, reasons: [expect.stringContaining("on an upgraded host")] });
    expect(await stored()).toBe(written);
  });

  test("open to the region that serves by its record, also after a restart", async () => {
    const serving = { phase: "serving", active: "bhs", epoch: 3, sequence: 1_001, standby: "warming" };
    const written = await write(serving);
    await all.until("both routers are open to bhs", 15_000, () => all.bothOpenTo("bhs"));
    await all.stopOne("gra");
    await all.startOne("gra");
    await all.until("gra's router has a lease", 15_000, () =>
      /routes to bhs/.test(all.status("gra")?.router?.summary ?? ""),
    );
    expect(await stored()).toBe(written);
    expect(all.overlaps).toEqual([]);
  });
});
