import { describe, expect, test } from "vitest";
import { createWatchdog } from "../../../watchdog/controller/watchdog.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { promotionSteps } from "../../promotion-steps.ts";
import { startClients } from "../histories/three-sites.ts";
import { checkLedger } from "../judge/invariants.ts";
import { isolated, type Site, sites } from "../world/network.ts";
import { SitesSystem } from "../world/sites-system.ts";
import { isAtStep } from "./scenario.ts";

const record = (system: SitesSystem): StateRecord | null => system.disk.stored?.record ?? null;
const situation = (system: SitesSystem) =>
  [
    ...system.log.slice(-30),
    ...system.stations.map(({ site, watchdog }) => `${site}: ${watchdog?.status().summary}`),
  ].join("\n");

/** Returns how long it took; fails with what the watchdogs said when it takes longer. */
async function until(system: SitesSystem, withinMs: number, holds: () => boolean): Promise<number> {
  const startedMs = system.world.nowMs;
  await system.world.runUntil(startedMs + withinMs, holds);
  expect(holds(), situation(system)).toBe(true);
  return system.world.nowMs - startedMs;
}

async function pass(system: SitesSystem, ms: number): Promise<void> {
  await system.world.runUntil(system.world.nowMs + ms);
}

/** Everything is up, bhs is in sync, every router is open, and clients write. */
async function started(seed = 1): Promise<SitesSystem> {
  const system = new SitesSystem(seed, createWatchdog);
  startClients(system);
  system.startAll();
  await until(system, 30_000, () => {
    const now = record(system);
    const isOpen = system.stations.every(({ router }) => router === null || router.route() === "gra");
    return now?.phase === "serving" && now.standby === "in-sync" && now.watchdogs.length === 3 && isOpen;
  });
  await pass(system, 5_000);
  return system;
}

const refusedSince = (system: SitesSystem, sinceMs: number) =>
  system.refused.filter(({ atMs }) => atMs > sinceMs).length;
const serves = (system: SitesSystem, region: string) => () => {
  const now = record(system);
  return now?.phase === "serving" && now.active === region;
};
const isolate = ({ network }: SitesSystem, site: Site) => network.cutAll(isolated(site));
const loseEtcd = ({ etcd }: SitesSystem) => {
  for (const site of sites) etcd.down.add(site);
  return () => etcd.down.clear();
};

describe("without etcd", () => {
  test("one member less costs nothing", async () => {
    const system = await started();
    for (const site of sites) {
      const sinceMs = system.world.nowMs;
      system.etcd.down.add(site);
      await pass(system, 30_000);
      expect(refusedSince(system, sinceMs), `without the member of ${site}`).toBe(0);
      system.etcd.down.delete(site);
      await pass(system, 5_000);
    }
    expect(record(system)).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
  });

  test("traffic goes on for as long as all watchdogs answer, also over a restart of one", async () => {
    const system = await started();
    const sinceMs = system.world.nowMs;
    loseEtcd(system);
    await pass(system, 60_000);
    const station = system.station("bhs");
    system.kill(station);
    system.restartAfter(station, 500);
    await pass(system, 60_000);
    expect(refusedSince(system, sinceMs), situation(system)).toBe(0);
    const { failsafe, router, store } = system.station("gra").watchdog?.status() ?? {};
    expect(store?.reachable).toBe(false);
    expect(failsafe).toMatchObject({ fault: null, answers: [{ agrees: true }, { agrees: true }] });
    expect(router?.summary).toMatch(/routes to gra.*by failsafe: the store does not answer, every watchdog agrees/);
  });

  test("routers close when one watchdog is not heard from, and open again when etcd is back", async () => {
    const system = await started();
    const heal = loseEtcd(system);
    await pass(system, 20_000);
    isolate(system, "witness");
    await until(system, 8_000, () => system.router.openRegions().length === 0);
    expect(system.station("gra").watchdog?.status().router?.error).toMatch(/witness-watchdog does not answer/);
    heal();
    await until(system, 15_000, () =>
      system.stations.every(({ router }) => router === null || router.route() === "gra"),
    );
  });

  test("nothing is promoted; once it is back, a region that was lost meanwhile is replaced", async () => {
    const system = await started();
    const heal = loseEtcd(system);
    await pass(system, 20_000);
    system.cluster("gra").ailments.down = true;
    await pass(system, 30_000);
    expect(record(system)).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(system.router.openRegions()).toEqual([]);
    expect(system.station("bhs").watchdog?.status().summary).toMatch(/the store does not answer/);
    heal();
    await until(system, 60_000, serves(system, "bhs"));
  });
});

describe("a region", () => {
  test("that loses its power, with a router, a watchdog and a member of etcd, is replaced", async () => {
    const system = await started();
    const gra = system.station("gra");
    gra.isOff = true;
    system.kill(gra);
    system.etcd.down.add("gra");
    if (gra.router !== null) gra.router.isFrozen = true;
    system.cluster("gra").ailments.down = true;
    const tookMs = await until(system, 40_000, serves(system, "bhs"));
    // Its lease has to run out, as nobody can be asked there, and another watchdog has to lead first.
    expect(tookMs).toBeLessThan(30_000);
    await until(system, 5_000, () => system.station("bhs").router?.route() === "bhs");
    checkLedger(system);
  });

  test("that is cut off closes its own router before the other one is opened", async () => {
    const system = await started();
    isolate(system, "gra");
    await until(system, 40_000, () => record(system)?.phase === "promoting");
    expect(system.router.openRegions()).toEqual([]);
    await until(system, 20_000, serves(system, "bhs"));
    expect(system.station("gra").router?.openRegions()).toEqual([]);
    checkLedger(system);
  });

  test.each(["bhs", "witness"] as const)("is not replaced when %s is cut off", async (site) => {
    const system = await started();
    isolate(system, site);
    await pass(system, 60_000);
    expect(record(system)).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(system.station("gra").router?.route()).toBe("gra");
  });

  test.each<[string, readonly (readonly [Site, Site])[]]>([
    [
      "either way",
      [
        ["gra", "bhs"],
        ["bhs", "gra"],
      ],
    ],
    ["from gra to bhs", [["gra", "bhs"]]],
    ["from bhs to gra", [["bhs", "gra"]]],
  ])("is not replaced when the regions do not reach each other %s: the witness sees both", async (_name, ways) => {
    const system = await started();
    const sinceMs = system.world.nowMs;
    for (const [from, to] of ways) system.network.cut(from, to);
    await pass(system, 60_000);
    expect(record(system)).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(system.refused.filter(({ site, atMs }) => site === "gra" && atMs > sinceMs)).toEqual([]);
  });

  test("is not replaced over minutes of lost packets and jitter", async () => {
    const system = await started();
    system.network.loss = 0.05;
    system.network.jitterMs = 300;
    await pass(system, 240_000);
    expect(record(system)).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
  });

  test("that refuses the watchdogs' password is not replaced, and status says why it is not judged", async () => {
    const system = await started();
    system.refusing.add("gra");
    await pass(system, 120_000);
    expect(record(system)).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    const gra = system
      .station("witness")
      .watchdog?.status()
      .regions.find(({ region }) => region === "gra");
    expect(gra?.health).toMatchObject({ state: "healthy", failuresInARow: 0 });
    expect(gra?.health.reason).toMatch(/refuses this watchdog's user or password.*not counted/);
  });
});

describe("a decider", () => {
  test.each(promotionSteps)("that dies in the step %s is followed by one that finishes it", async (kind) => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await until(system, 60_000, () => {
      const now = record(system);
      return now !== null && isAtStep(kind, "running")(now);
    });
    const leader = system.etcd.leader;
    const station = system.stations.find(({ config }) => config.name === leader);
    if (station === undefined) throw new Error(`${leader} leads, which is none of ours`);
    system.kill(station);
    await until(system, 60_000, serves(system, "bhs"));
    checkLedger(system);
  });

  test("that is frozen over a promotion does nothing when it is thawed, and its router serves no old region", async () => {
    const system = await started();
    const station = system.stations.find(({ config }) => config.name === system.etcd.leader);
    if (station?.process == null) throw new Error("nobody leads");
    station.process.freeze();
    if (station.router !== null) station.router.isFrozen = true;
    system.cluster("gra").ailments.down = true;
    await until(system, 60_000, serves(system, "bhs"));
    const written = system.etcd.history.length;
    system.cluster("gra").ailments.down = false;
    if (station.router !== null) station.router.isFrozen = false;
    station.process.doubtfulSinceMs = system.world.nowMs;
    station.process.thaw();
    expect(station.router?.openRegions() ?? []).toEqual([]);
    await pass(system, 2_000);
    expect(system.etcd.history.slice(written).filter(({ watchdog }) => watchdog === station.config.name)).toEqual([]);
    if (station.router !== null) await until(system, 10_000, () => station.router?.route() === "bhs");
  });
});

describe("a store that comes up empty", () => {
  test("is filled from the copies, and traffic goes on meanwhile", async () => {
    const system = await started();
    const sinceMs = system.world.nowMs;
    system.etcd.wipe();
    await until(system, 20_000, () => record(system)?.phase === "serving");
    expect(record(system)).toMatchObject({ active: "gra", epoch: 1 });
    expect(record(system)?.filledAtMs).not.toBeNull();
    await until(system, 20_000, () => record(system)?.filledAtMs === null);
    expect(refusedSince(system, sinceMs), situation(system)).toBe(0);
  });

  test("makes no first primary while only one site is there", async () => {
    const system = new SitesSystem(1, createWatchdog);
    isolate(system, "gra");
    system.station("bhs").isOff = true;
    system.startAll();
    system.kill(system.station("bhs"));
    await pass(system, 60_000);
    expect(record(system)).toBeNull();
    expect(system.station("witness").watchdog?.status().summary).toMatch(/no report from gra and bhs/);
  });
});
