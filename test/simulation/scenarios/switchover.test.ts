import { describe, expect, test } from "vitest";
import type { StepKind } from "../../../watchdog/core/state/plan.ts";
import { promotionSteps } from "../../promotion-steps.ts";
import { followLate } from "../world/cluster/replication.ts";
import type { System } from "../world/system.ts";
import {
  diesAt,
  diesWhenWritten,
  expectSound,
  expectWritable,
  expectWrittenTo,
  isAtStep,
  pass,
  recordOf,
  runUntil,
  serves,
  started,
  staysDead,
  waitFor,
  watchdogOf,
  whenWritten,
} from "./scenario.ts";

/** A switchover does not drain what still arrives: it waits until the standby has everything. */
const steps: readonly StepKind[] = ["block-writes", "catch-up", ...promotionSteps.filter((kind) => kind !== "drain")];
/** Steps before which no index was detached. */
const reversible = steps.slice(0, steps.indexOf("unfollow"));

/** Every acknowledged write is in the active region itself: none had to be salvaged. */
function expectNothingLost(system: System): void {
  expectSound(system);
  const record = recordOf(system);
  const there = system.cluster(record.phase === "serving" ? record.active : record.from).operations();
  expect(system.clients.acknowledged.filter(({ id }) => !there.has(id))).toEqual([]);
}

describe("a switchover", () => {
  test("under load loses nothing, stops writers for a few seconds, and ends with the old region in sync", async () => {
    const system = await started();
    const before = system.clients.acknowledged.at(-1);
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, serves("bhs"));
    await expectWritable(system, "bhs");
    const first = system.clients.acknowledged.find(({ region }) => region === "bhs");
    expect((first?.atMs ?? Number.NaN) - (before?.atMs ?? Number.NaN)).toBeLessThan(4_000);
    expectNothingLost(system);
    expect(recordOf(system).lastFailover).toMatchObject({ kind: "switchover", loss: { atLeast: 0, atMost: 0 } });
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(watchdogOf(system).salvage.operations.size).toBe(0);
    expectNothingLost(system);
  });

  test("there, back, and there again loses nothing", async () => {
    const system = await started();
    for (const to of ["bhs", "gra", "bhs"]) {
      expect(system.request("switchover", to)).toBe(true);
      await runUntil(system, 20_000, serves(to));
      await runUntil(system, 60_000, serves(to, "in-sync"));
      await expectWritable(system, to);
      expectNothingLost(system);
    }
  });

  test("covers a follower that auto-follow adds after the plan was made", async () => {
    const system = await started();
    whenWritten(system, isAtStep("block-writes", "running"), () => {
      followLate(system.cluster("bhs"), "logs-late", system.cluster("gra"));
    });
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, serves("bhs"));
    expect(recordOf(system).lastFailover?.checkpoints.map(({ index }) => index)).toContain("logs-late");
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expectNothingLost(system);
  });

  test.each(steps)("whose watchdog dies in %s is completed by the next one", async (kind) => {
    const system = await started();
    diesWhenWritten(system, isAtStep(kind, "running"));
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, isAtStep(kind, "running"));
    expect(watchdogOf(system).process?.isAlive).toBe(false);
    await pass(system, 3_000);
    system.restartAfter(watchdogOf(system), 0);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    await expectWritable(system, "bhs");
    expectNothingLost(system);
  });

  test.each(["before", "after"] as const)(
    "survives the death of the watchdog %s any one of its calls",
    async (when) => {
      for (let call = 1; call <= 80; call += 2) {
        const system = await started();
        system.request("switchover", "bhs");
        await runUntil(system, 20_000, ({ phase }) => phase !== "serving");
        diesAt(system, call, when);
        await runUntil(system, 120_000, (record) => record.phase === "serving" && record.standby === "in-sync");
        const record = recordOf(system);
        await expectWritable(system, record.phase === "serving" ? record.active : "none");
        expectNothingLost(system);
      }
    },
  );

  test("marks an index that is created in block-writes, and lifts its block after the death of the watchdog", async () => {
    const system = await started();
    whenWritten(system, isAtStep("block-writes", "running"), () => {
      system.cluster("gra").createIndex("logs-late", null);
    });
    system.request("switchover", "bhs");
    await waitFor(system, 20_000, () => system.cluster("gra").indices.get("logs-late")?.writeBlocked === true);
    staysDead(system);
    diesAt(system, 1, "before");
    await pass(system, system.config.switchover.maxWritePauseMs);
    system.restartAfter(watchdogOf(system), 0);
    await runUntil(system, 20_000, serves("gra"));
    await expectWrittenTo(system, "logs-late");
    expectNothingLost(system);
  });

  test.each(reversible)("that takes too long in %s is undone, and gra accepts writes again", async (kind) => {
    const system = await started();
    diesWhenWritten(system, isAtStep(kind, "running"));
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, isAtStep(kind, "running"));
    await pass(system, system.config.switchover.maxWritePauseMs);
    system.restartAfter(watchdogOf(system), 0);
    await runUntil(system, 20_000, serves("gra"));
    await expectWritable(system, "gra");
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    expectNothingLost(system);
  });

  test("is undone when the standby does not catch up in time", async () => {
    const system = await started();
    system.replicationRate = 0;
    await pass(system, 500);
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, isAtStep("catch-up", "running"));
    await runUntil(system, 30_000, serves("gra"));
    expect(system.store.cell.history.map(({ explanation }) => explanation).join("\n")).toMatch(
      /turns back to gra: .*not caught up within/,
    );
    await expectWritable(system, "gra");
    expectNothingLost(system);
  });

  test.each(reversible)("becomes a failover when gra is lost in %s: bhs was in sync", async (kind) => {
    const system = await started();
    system.request("switchover", "bhs");
    diesWhenWritten(system, isAtStep(kind, "running"));
    await runUntil(system, 20_000, isAtStep(kind, "running"));
    system.cluster("gra").ailments.down = true;
    system.restartAfter(watchdogOf(system), 0);
    await runUntil(system, 60_000, serves("bhs"));
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 90_000, serves("bhs", "in-sync"));
    expectSound(system);
  });

  test.each(steps)("ends with nothing lost although bhs is lost in %s for a while", async (kind) => {
    const system = await started();
    whenWritten(system, isAtStep(kind, "running"), () => {
      system.cluster("bhs").ailments.down = true;
    });
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, ({ phase }) => phase === "promoting");
    await pass(system, 15_000);
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 120_000, (record) => record.phase === "serving" && record.standby === "in-sync");
    expectNothingLost(system);
  });
});
