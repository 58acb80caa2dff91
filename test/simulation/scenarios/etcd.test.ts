import { describe, expect, test } from "vitest";
import { sites, threeSites } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import {
  isolate,
  pass,
  prepared,
  refusedSince,
  routesTo,
  runUntil,
  serves,
  started,
  statusOf,
  tale,
  waitFor,
} from "./scenario.ts";

const loseEtcd = ({ etcd }: System) => {
  for (const site of sites) etcd.down.add(site);
  return () => etcd.down.clear();
};

describe("without etcd", () => {
  test("one lost member costs nothing", async () => {
    const system = await started({ layout: threeSites });
    for (const site of sites) {
      const sinceMs = system.world.nowMs;
      system.etcd.down.add(site);
      await pass(system, 30_000);
      expect(refusedSince(system, sinceMs), `without the member of ${site}`).toEqual([]);
      system.etcd.down.delete(site);
      await pass(system, 5_000);
    }
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
  });

  test("traffic continues as long as all watchdogs answer, also while one restarts", async () => {
    const system = await started({ layout: threeSites });
    const sinceMs = system.world.nowMs;
    loseEtcd(system);
    await pass(system, 60_000);
    const station = system.station("bhs");
    system.kill(station);
    system.restartAfter(station, 500);
    await pass(system, 60_000);
    expect(refusedSince(system, sinceMs), tale(system)).toEqual([]);
    const { failsafe, router, store } = statusOf(system, "gra") ?? {};
    expect(store?.reachable).toBe(false);
    expect(failsafe).toMatchObject({ fault: null, answers: [{ agrees: true }, { agrees: true }] });
    expect(router?.summary).toMatch(/routes to gra.*by failsafe: the store gives no lease, every watchdog agrees/);
  });

  test("a watchdog that was silent for long is forgotten, so that traffic continues without it, and registers again", async () => {
    const system = await started({ layout: threeSites });
    const names = () => system.record?.watchdogs.map(({ name }) => name).toSorted();
    const witness = system.station("witness");
    witness.isOff = true;
    system.kill(witness);
    expect(names()).toContain("witness-watchdog");
    await waitFor(system, 30_000, () => names()?.join() === "bhs-watchdog,gra-watchdog");
    expect(tale(system)).toMatch(/witness-watchdog of witness has been silent for 15 s and is forgotten/);
    // Until each of the others has read the record without it.
    await pass(system, 5_000);
    const sinceMs = system.world.nowMs;
    const heal = loseEtcd(system);
    await pass(system, 60_000);
    expect(refusedSince(system, sinceMs), tale(system)).toEqual([]);
    heal();
    witness.isOff = false;
    system.restartAfter(witness, 500);
    await waitFor(system, 10_000, () => names()?.includes("witness-watchdog") ?? false);
  });

  test("routers close when one watchdog does not answer, and open again when etcd is back", async () => {
    const system = await started({ layout: threeSites });
    const heal = loseEtcd(system);
    await pass(system, 20_000);
    isolate(system, "witness");
    await waitFor(system, 8_000, () => system.openRegions().length === 0);
    expect(statusOf(system, "gra")?.router?.error).toMatch(/witness-watchdog does not answer/);
    heal();
    await waitFor(system, 15_000, () => routesTo(system, "gra"));
  });

  test("nothing is promoted, and a region that was lost meanwhile is replaced once etcd is back", async () => {
    const system = await started({ layout: threeSites });
    const heal = loseEtcd(system);
    await pass(system, 20_000);
    system.cluster("gra").ailments.down = true;
    await pass(system, 30_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(system.openRegions()).toEqual([]);
    expect(statusOf(system, "bhs")?.summary).toMatch(/the store does not answer/);
    heal();
    await runUntil(system, 60_000, serves("bhs"));
  });
});

test("at etcd's quota traffic continues, also while a watchdog restarts, and a lost region is replaced afterwards", async () => {
  const system = await started({ layout: threeSites });
  const { keys } = system.etcd;
  const sinceMs = system.world.nowMs;
  keys.isFull = true;
  await pass(system, 20_000);
  const station = system.station("gra");
  system.kill(station);
  system.restartAfter(station, 500);
  await pass(system, 60_000);
  expect(refusedSince(system, sinceMs), tale(system)).toEqual([]);
  expect(statusOf(system, "gra")?.router?.summary).toMatch(/routes to gra.*by failsafe/);
  system.cluster("gra").ailments.down = true;
  await pass(system, 30_000);
  expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
  expect(statusOf(system, "bhs")?.summary).toMatch(/the store takes no write \(.*quota is reached/);
  keys.isFull = false;
  await runUntil(system, 60_000, serves("bhs"));
});

describe("a store that comes up empty", () => {
  test("is filled from the copies, while traffic continues", async () => {
    const system = await started({ layout: threeSites });
    const sinceMs = system.world.nowMs;
    system.etcd.wipe();
    await runUntil(system, 20_000, ({ phase }) => phase === "serving");
    expect(system.record).toMatchObject({ active: "gra", epoch: 1 });
    expect(system.record?.filledAtMs).not.toBeNull();
    await runUntil(system, 20_000, ({ filledAtMs }) => filledAtMs === null);
    expect(refusedSince(system, sinceMs), tale(system)).toEqual([]);
  });

  test("gets no first primary while only one site is there", async () => {
    const { system } = prepared({ layout: threeSites });
    isolate(system, "gra");
    const bhs = system.station("bhs");
    bhs.isOff = true;
    system.startAll();
    system.kill(bhs);
    await pass(system, 60_000);
    expect(system.record).toBeNull();
    expect(statusOf(system, "witness")?.summary).toMatch(/no report from gra and bhs/);
  });
});
