import { describe, expect, test } from "vitest";
import { promotionSteps } from "../../promotion-steps.ts";
import { powerOff } from "../faults/power.ts";
import { threeSites } from "../world/layout.ts";
import { bothWays, type Direction } from "../world/network.ts";
import type { Station } from "../world/station.ts";
import type { System } from "../world/system.ts";
import {
  expectSound,
  handTo,
  isAtStep,
  isolate,
  pass,
  refusedSince,
  routerOf,
  routesTo,
  runUntil,
  serves,
  started,
  statusOf,
  waitFor,
} from "./scenario.ts";

describe("a region", () => {
  test("that loses its power, with a router, a watchdog and a member of etcd, is replaced", async () => {
    const system = await started({ layout: threeSites });
    powerOff(system, "gra");
    const tookMs = await runUntil(system, 40_000, serves("bhs"));
    // The lease of its router has to expire, as nothing answers there; another watchdog may have to become the controller.
    expect(tookMs).toBeLessThan(30_000);
    await waitFor(system, 5_000, () => routerOf(system).route() === "bhs");
    expectSound(system);
  });

  test("that is cut off closes its own router before the other one opens", async () => {
    const system = await started({ layout: threeSites });
    isolate(system, "gra");
    await runUntil(system, 40_000, ({ phase }) => phase === "promoting");
    expect(system.openRegions()).toEqual([]);
    await runUntil(system, 20_000, serves("bhs"));
    expect(routerOf(system, "gra").route()).toBeNull();
    expectSound(system);
  });

  test.each(["bhs", "witness"] as const)("is not replaced when %s is cut off", async (site) => {
    const system = await started({ layout: threeSites });
    isolate(system, site);
    await pass(system, 60_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(routerOf(system, "gra").route()).toBe("gra");
  });

  test.each<[string, readonly Direction[]]>([
    ["in both directions", bothWays(["gra", "bhs"])],
    ["from gra to bhs", [["gra", "bhs"]]],
    ["from bhs to gra", [["bhs", "gra"]]],
  ])("is not replaced when the link between the regions is cut %s: the witness reaches both", async (_name, cuts) => {
    const system = await started({ layout: threeSites });
    const sinceMs = system.world.nowMs;
    system.network.cutAll(cuts);
    await pass(system, 60_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(refusedSince(system, sinceMs).filter(({ site }) => site === "gra")).toEqual([]);
  });

  test("that is lost long after the link was cut is not replaced by a controller that lost it as the link was cut", async () => {
    const system = await started({ layout: threeSites });
    await handTo(system, "bhs");
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    await waitFor(system, 30_000, () => routesTo(system, "gra"));
    await pass(system, 10_000);
    system.network.cutAll(bothWays(["gra", "bhs"]));
    // gra goes on to serve, and bhs follows nothing of it.
    await pass(system, system.config.replication.maxReadAgeMs + 20_000);
    expect(system.etcd.leader).toBe("bhs-watchdog");
    system.cluster("gra").ailments.down = true;
    await pass(system, 60_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(statusOf(system, "bhs")?.summary).toMatch(/no failover: bhs was last in sync/);
    expectSound(system);
  });

  test("is not replaced during minutes of lost packets and jitter", async () => {
    const system = await started({ layout: threeSites });
    system.network.loss = 0.05;
    system.network.jitterMs = 300;
    await pass(system, 240_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
  });

  test("that refuses the watchdogs' password is not replaced, and status has the reason", async () => {
    const system = await started({ layout: threeSites });
    system.cluster("gra").ailments.refusesPassword = true;
    await pass(system, 120_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    const gra = statusOf(system, "witness")?.regions.find(({ region }) => region === "gra");
    expect(gra?.health).toMatchObject({ state: "unknown", provenState: "healthy", failuresInARow: 0 });
    expect(gra?.health.reason).toMatch(/refuses this watchdog's user or password.*whether it serves is not known/);
    const summaries = system.stations.map(({ site }) => statusOf(system, site)?.summary);
    expect(summaries).toContainEqual(expect.stringMatching(/^gra refuses this watchdog's user.*no automatic failover/));
    system.cluster("gra").ailments.refusesPassword = false;
    await pass(system, 30_000);
    expect(statusOf(system, "witness")?.regions.map(({ health }) => health.state)).toEqual(["healthy", "healthy"]);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1, standby: "in-sync" });
  });

  test("that refuses the watchdogs and serves nothing either is replaced by a forced failover alone", async () => {
    const system = await started({ layout: threeSites });
    system.cluster("gra").ailments.refusesPassword = true;
    await waitFor(system, 60_000, () => statusOf(system, "witness")?.regions[0]?.health.state === "unknown");
    system.request("failover", "bhs");
    await pass(system, 10_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    system.request("failover", "bhs", true);
    await runUntil(system, 60_000, serves("bhs"));
    expectSound(system);
  });

  test("whose licence lapses with that of the standby is not replaced, and goes on when it is renewed", async () => {
    const system = await started({ layout: threeSites });
    for (const cluster of [system.clusters.gra, system.clusters.bhs]) cluster.ailments.licenceLost = true;
    await pass(system, 600_000);
    expect(system.record).toMatchObject({ phase: "serving", active: "gra", epoch: 1, standby: "following" });
    const status = statusOf(system, "witness");
    expect(status?.regions.map(({ health }) => health.state)).toEqual(["healthy", "healthy"]);
    expect(status?.regions[0]?.health.problems[0]).toMatch(/its licence has lapsed/);
    for (const cluster of [system.clusters.gra, system.clusters.bhs]) cluster.ailments.licenceLost = false;
    await runUntil(system, 300_000, (record) => record.phase === "serving" && record.standby === "in-sync");
    expectSound(system);
  });
});

describe("a controller", () => {
  function controllerOf(system: System): Station {
    const { leader } = system.etcd;
    const station = system.stations.find(({ config }) => config.name === leader);
    if (station === undefined) throw new Error(`${leader} is the controller, which is no watchdog of this system`);
    return station;
  }

  test.each(promotionSteps)("that dies in the step %s is followed by one that completes it", async (kind) => {
    const system = await started({ layout: threeSites });
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 60_000, isAtStep(kind, "running"));
    system.kill(controllerOf(system));
    await runUntil(system, 60_000, serves("bhs"));
    expectSound(system);
  });

  test("that is frozen during a promotion changes nothing once thawed, and its router forwards nothing to the old region", async () => {
    const system = await started({ layout: threeSites });
    const station = controllerOf(system);
    const { process, router, config } = station;
    if (process === null) throw new Error("the controller does not run");
    process.freeze();
    if (router !== null) router.isFrozen = true;
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 60_000, serves("bhs"));
    const { history } = system.store.cell;
    const written = history.length;
    system.cluster("gra").ailments.down = false;
    if (router !== null) router.isFrozen = false;
    process.untrustedSinceMs = system.world.nowMs;
    process.thaw();
    expect(router?.route() ?? null).toBeNull();
    await pass(system, 2_000);
    expect(history.slice(written).filter(({ watchdog }) => watchdog === config.name)).toEqual([]);
    if (router !== null) await waitFor(system, 10_000, () => router.route() === "bhs");
    expectSound(system);
  });
});
