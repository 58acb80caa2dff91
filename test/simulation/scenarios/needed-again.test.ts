import { describe, test } from "vitest";
import { followLate } from "../world/cluster/replication.ts";
import type { System } from "../world/system.ts";
import { expectSound, expectWritable, isAtStep, pass, runUntil, serves, started, whenWritten } from "./scenario.ts";

describe("a region that is needed again before it has rejoined accepts writes", () => {
  /** bhs is lost, and an operator forces the active region back to gra. */
  async function forcedBack(system: System): Promise<void> {
    system.cluster("bhs").ailments.down = true;
    await pass(system, 5_000);
    system.request("failover", "gra", true);
    await runUntil(system, 30_000, serves("gra"));
    await expectWritable(system, "gra");
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 90_000, serves("gra", "in-sync"));
    expectSound(system);
  }

  test("when a switchover had blocked its writes before the fence", async () => {
    const system = await started();
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, serves("bhs"));
    await runUntil(system, 30_000, serves("bhs", "salvaging"));
    await forcedBack(system);
  });

  test("when a repair of the other region had replaced its rejoin", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 30_000, serves("bhs", "salvaging"));
    followLate(system.cluster("bhs"), "logs-stray", system.cluster("gra"));
    await runUntil(system, 20_000, (record) => record.phase === "serving" && record.plan?.kind === "repair");
    await runUntil(system, 30_000, serves("bhs", "fencing"));
    await forcedBack(system);
  });

  test("when its own promotion had been undone half-way", async () => {
    const system = await started();
    system.request("switchover", "bhs");
    whenWritten(system, isAtStep("open", "running"), () => {
      system.cluster("bhs").ailments.down = true;
    });
    await runUntil(system, 60_000, serves("gra", "absent"));
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 60_000, serves("gra", "salvaging"));
    system.cluster("gra").ailments.down = true;
    await pass(system, 5_000);
    system.request("failover", "bhs", true);
    await runUntil(system, 30_000, serves("bhs"));
    await expectWritable(system, "bhs");
  });
});
