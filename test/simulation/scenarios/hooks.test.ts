import { describe, expect, test } from "vitest";
import type { ChangeConfig } from "../world/config.ts";
import { threeSites } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import {
  diesWhenWritten,
  expectSound,
  expectWritable,
  lastRefusal,
  pass,
  recordOf,
  runUntil,
  serves,
  started,
  statusOf,
  waitFor,
  watchdogOf,
  whenWritten,
} from "./scenario.ts";

describe("hooks", () => {
  test("delay a failover by the time that they take, and do not keep the routers closed meanwhile", async () => {
    const system = await started();
    system.hooks.takesMs = 900;
    let closedAtMs = 0;
    whenWritten(
      system,
      ({ phase }) => phase === "closing",
      () => {
        closedAtMs = system.world.nowMs;
      },
    );
    system.clusters.gra.ailments.down = true;
    await waitFor(system, 20_000, () => latestRule(system) === "failover-hooks");
    const sinceMs = system.world.nowMs;
    await runUntil(system, 30_000, serves("bhs"));
    expect(closedAtMs - sinceMs).toBeGreaterThanOrEqual(900);
    expect(closedAtMs - sinceMs).toBeLessThan(1_000);
    expectSound(system);
  });

  test("that refuse a failover are run again, and it takes place once they agree", async () => {
    const system = await started();
    system.hooks.refuses = true;
    system.clusters.gra.ailments.down = true;
    await pass(system, 15_000);
    expect(recordOf(system)).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    expect(statusOf(system)).toMatchObject({
      summary: expect.stringMatching(/no failover: a hook refuses it: \/hook ended/),
    });
    system.hooks.refuses = false;
    await runUntil(system, 20_000, serves("bhs"));
    expectSound(system);
  });

  test("a region that recovers while they run is not left", async () => {
    const system = await started({ change: patient });
    system.hooks.takesMs = 15_000;
    system.clusters.gra.ailments.down = true;
    await waitFor(system, 20_000, () => latestRule(system) === "failover-hooks");
    system.clusters.gra.ailments.down = false;
    await pass(system, 30_000);
    expect(system.hooks.lastEnd(processOf(system))).toEqual({ epoch: 2, refused: false });
    expect(recordOf(system)).toMatchObject({ phase: "serving", active: "gra", epoch: 1 });
    await expectWritable(system, "gra");
    expectSound(system);
  });

  test("that hang end at their bound, and a switchover that they stop is refused with writes going on", async () => {
    const system = await started();
    system.hooks.takesMs = 100_000;
    system.request("switchover", "bhs");
    await runUntil(
      system,
      20_000,
      ({ phase, ...record }) => phase === "serving" && !("request" in record && record.request),
    );
    expect(lastRefusal(system)).toMatch(/is refused: a hook refuses it: \/hook did not end within 1000 ms/);
    expect(system.clients.refused).toEqual([]);
    expectSound(system);
  });

  test("a failover that an operator forces takes place although they refuse it", async () => {
    const system = await started();
    system.hooks.refuses = true;
    system.request("failover", "bhs", true);
    await runUntil(system, 30_000, serves("bhs"));
    expectSound(system);
  });

  test("after the opening are run by the next controller, if the one that opened dies", async () => {
    const system = await started();
    diesWhenWritten(system, (record) => record.phase === "serving" && record.epoch === 3);
    system.request("switchover", "bhs");
    await runUntil(system, 30_000, serves("bhs"));
    expect(recordOf(system)).toHaveProperty("openingHooks");
    system.restartAfter(watchdogOf(system), 1_000);
    await runUntil(system, 40_000, (record) => serves("bhs")(record) && !("openingHooks" in record));
    expectSound(system);
  });

  test("are run by the controller alone", async () => {
    const system = await started({ layout: threeSites });
    system.request("switchover", "bhs");
    await runUntil(system, 30_000, serves("bhs"));
    const ran = system.stations.filter(({ process }) => process !== null && system.hooks.lastEnd(process) !== null);
    expect(ran).toHaveLength(1);
    expectSound(system);
  });
});

const latestRule = (system: System) => statusOf(system)?.decisions[0]?.rule;

/** With hooks that may take as long as a region needs to count as healthy again. */
const patient: ChangeConfig = ({ hooks, ...config }) => ({
  ...config,
  hooks: { ...hooks, beforeClosing: hooks.beforeClosing.map((hook) => ({ ...hook, timeoutMs: 20_000 })) },
});

function processOf(system: System) {
  const { process } = watchdogOf(system);
  if (process === null) throw new Error("no watchdog runs");
  return process;
}
