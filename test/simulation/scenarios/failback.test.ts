import { describe, expect, test } from "vitest";
import type { ChangeConfig } from "../world/config.ts";
import type { System } from "../world/system.ts";
import { expectSound, pass, recordOf, runUntil, serves, started } from "./scenario.ts";

describe("automatic failback", () => {
  const failback =
    (automatic: boolean): ChangeConfig =>
    (config) => ({ ...config, failback: { automatic, quietPeriodMs: 30_000 } });

  async function afterFailover(automatic: boolean): Promise<System> {
    const system = await started({ change: failback(automatic) });
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    return system;
  }

  test("brings the first primary back after the quiet period, and loses nothing", async () => {
    const system = await afterFailover(true);
    const waitedMs = await runUntil(system, 60_000, ({ phase }) => phase !== "serving");
    expect(waitedMs).toBeGreaterThanOrEqual(30_000);
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    expectSound(system);
  });

  test("waits again when the standby falls behind within the quiet period", async () => {
    const system = await afterFailover(true);
    await pass(system, 20_000);
    system.replicationRate = 0;
    await runUntil(system, 60_000, serves("bhs", "following"));
    system.replicationRate = 50;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(await runUntil(system, 60_000, ({ phase }) => phase !== "serving")).toBeGreaterThanOrEqual(29_000);
  });

  test("does nothing where it is off, nor after a switchover that an operator asked for", async () => {
    const off = await afterFailover(false);
    await pass(off, 60_000);
    expect(serves("bhs")(recordOf(off))).toBe(true);
    const wanted = await started({ change: failback(true) });
    wanted.request("switchover", "bhs");
    await runUntil(wanted, 60_000, serves("bhs", "in-sync"));
    await pass(wanted, 60_000);
    expect(serves("bhs")(recordOf(wanted))).toBe(true);
  });
});
