import { describe, expect, test } from "vitest";
import { applyCommand } from "../../../watchdog/core/requests.ts";
import type { StepKind } from "../../../watchdog/core/state/plan.ts";
import type { ServingRecord } from "../../../watchdog/core/state/record.ts";
import type { System } from "../world/system.ts";
import {
  diesAt,
  diesWhenWritten,
  expectMirrored,
  expectSound,
  isAtStep,
  pass,
  recordOf,
  runUntil,
  type ScenarioOptions,
  serves,
  started,
  statusOf,
  watchdogOf,
  whenWritten,
} from "./scenario.ts";

/** gra is lost with writes that bhs lacks, and bhs serves. */
async function failedOver(options?: ScenarioOptions): Promise<System> {
  const system = await started(options);
  system.replicationRate = 0;
  await pass(system, 1_500);
  system.cluster("gra").ailments.down = true;
  await runUntil(system, 20_000, serves("bhs"));
  system.replicationRate = 50;
  await pass(system, 5_000);
  return system;
}

/** Ids of writes that gra holds and bhs does not. */
function diverged({ clusters }: System): readonly string[] {
  const there = clusters.bhs.operations();
  return [...clusters.gra.operations()].filter((id) => !there.has(id));
}

const comesBack = (system: System) => {
  system.cluster("gra").ailments.down = false;
};

const operator = { by: "alice", atMs: 0 };

const rejoinSteps: readonly StepKind[] = ["fence", "pause-auto-follow", "salvage", "clear"];

describe("a former primary that comes back", () => {
  test("is fenced, salvaged, emptied, and follows until it is in sync", async () => {
    const system = await failedOver();
    const lost = diverged(system);
    expect(lost.length).toBeGreaterThan(5);
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    for (const id of lost) expect(watchdogOf(system).salvage.operations.has(id), id).toBe(true);
    expect(recordOf(system).lastFailover?.rejoinedAtMs).not.toBeNull();
    expect(recordOf(system).writeBlocks).toBeNull();
    await expectMirrored(system, "bhs", "gra");
    expectSound(system);
  });

  test("goes through every state of a standby in order", async () => {
    const system = await failedOver();
    const states: string[] = [];
    system.store.cell.writing.listen(({ after }) => {
      if (after.phase === "serving" && states.at(-1) !== after.standby) states.push(after.standby);
    });
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(states).toEqual(["fencing", "salvaging", "following", "in-sync"]);
  });

  test("waits for five good checks in a row, however often it flaps", async () => {
    const system = await failedOver();
    for (let n = 0; n < 4; n += 1) {
      system.cluster("gra").ailments.down = false;
      await pass(system, 3_500);
      expect(serves("bhs", "absent")(recordOf(system))).toBe(true);
      system.cluster("gra").ailments.down = true;
      await pass(system, 1_500);
    }
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expectSound(system);
  });

  test.each(rejoinSteps)("that flaps during %s ends in sync, with nothing lost", async (kind) => {
    const system = await failedOver();
    comesBack(system);
    whenWritten(system, isAtStep(kind, "running"), () => {
      system.cluster("gra").ailments.down = true;
    });
    await pass(system, 20_000);
    comesBack(system);
    await runUntil(system, 90_000, serves("bhs", "in-sync"));
    expectSound(system);
  });

  test.each(rejoinSteps)("whose watchdog dies in %s is resumed there", async (kind) => {
    const system = await failedOver();
    comesBack(system);
    diesWhenWritten(system, isAtStep(kind, "running"));
    await runUntil(system, 30_000, isAtStep(kind, "running"));
    expect(watchdogOf(system).process?.isAlive).toBe(false);
    await pass(system, 15_000);
    system.restartAfter(watchdogOf(system), 0);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    await expectMirrored(system, "bhs", "gra");
    expectSound(system);
  });

  test.each(["before", "after"] as const)(
    "survives the death of the watchdog %s any one of its calls",
    async (when) => {
      for (let call = 1; call <= 80; call += 2) {
        const system = await failedOver();
        comesBack(system);
        await runUntil(system, 30_000, (record) => record.phase === "serving" && record.plan?.kind === "rejoin");
        diesAt(system, call, when);
        await runUntil(system, 90_000, serves("bhs", "in-sync"));
        expectSound(system);
      }
    },
  );

  test("rejoins although the wall clock is set back by an hour meanwhile", async () => {
    const system = await failedOver();
    comesBack(system);
    await runUntil(system, 30_000, (record) => record.phase === "serving" && record.plan?.kind === "rejoin");
    watchdogOf(system).host.wallOffsetMs -= 3_600_000;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expectSound(system);
  });

  test("is salvaged again by a watchdog whose host lacks the exports of the first one", async () => {
    const system = await failedOver();
    comesBack(system);
    await runUntil(system, 30_000, isAtStep("salvage", "done"));
    system.kill(watchdogOf(system));
    watchdogOf(system).loseSalvage();
    system.restartAfter(watchdogOf(system), 0);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expectSound(system);
  });

  test("that was rebuilt has nothing to salvage, and follows", async () => {
    const system = await failedOver();
    system.wipe("gra");
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(watchdogOf(system).salvage.operations.size).toBe(0);
    await expectMirrored(system, "bhs", "gra");
  });

  test("that was rebuilt and written to is salvaged as a whole, as the checkpoints are those of other indices", async () => {
    const system = await failedOver();
    system.wipe("gra");
    comesBack(system);
    system.cluster("gra").createIndex("logs-1", null);
    for (const id of ["a", "b", "c"]) system.cluster("gra").write("logs-1", id);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect([...watchdogOf(system).salvage.operations].sort()).toEqual(["a", "b", "c"]);
    expectSound(system);
  });

  test("loses an index that it alone has, but only after all of it is salvaged", async () => {
    const system = await started();
    system.replicationRate = 0;
    system.cluster("bhs").ailments.remoteLost = true;
    // The first write finds no index, and creates it.
    for (let n = 0; n < 6; n += 1) {
      system.clients.write(watchdogOf(system), "logs-local");
      await pass(system, 200);
    }
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.replicationRate = 50;
    system.cluster("bhs").ailments.remoteLost = false;
    const held = system.cluster("gra").indices.get("logs-local")?.operations ?? [];
    expect(held.length).toBeGreaterThan(2);
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(held.every((id) => watchdogOf(system).salvage.operations.has(id))).toBe(true);
    expect(system.cluster("gra").indices.has("logs-local")).toBe(false);
    expectSound(system);
  });

  test("keeps an index that it alone has, closed, where the policy says so", async () => {
    const system = await failedOver({ change: (config) => ({ ...config, rejoin: { policy: "keep" } }) });
    comesBack(system);
    system.cluster("gra").createIndex("logs-local", null);
    system.cluster("gra").write("logs-local", "mine");
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(system.cluster("gra").indices.get("logs-local")).toMatchObject({ open: false, operations: ["mine"] });
    expect(watchdogOf(system).salvage.operations.has("mine")).toBe(true);
    expectSound(system);
  });

  test("is salvaged and then left as it is, where the policy waits, until an operator decides", async () => {
    const system = await failedOver({ change: (config) => ({ ...config, rejoin: { policy: "wait" } }) });
    const lost = diverged(system);
    const held = [...system.cluster("gra").indices.values()].map(({ uuid }) => uuid);
    comesBack(system);
    await runUntil(system, 60_000, isAtStep("salvage", "done"));
    await pass(system, 60_000);
    expect([...system.cluster("gra").indices.values()].map(({ uuid }) => uuid)).toEqual(held);
    for (const id of lost) expect(watchdogOf(system).salvage.operations.has(id), id).toBe(true);
    expect(statusOf(system)?.summary).toMatch(
      /an operator decides by `es-failover rejoin`.*the only full copy is then in bhs until .* are copied, about/,
    );
    const decided = (record: ServingRecord) =>
      applyCommand(record, { kind: "rejoin", policy: "delete" }, operator, { regions: [], silence: {} });
    system.store.cell.command((record) => {
      const applied = decided(record);
      if (!applied.accepted) throw new Error(applied.reasons.join());
      return applied.record;
    });
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    await expectMirrored(system, "bhs", "gra");
    expectSound(system);
  });

  test.each(["red", "closed"] as const)(
    "is left as it is while an index of it is %s, until an operator repairs or discards it",
    async (what) => {
      const system = await failedOver();
      const index = system.cluster("gra").indices.get("logs-1");
      if (index === undefined) throw new Error("no logs-1");
      index.open = what !== "closed";
      comesBack(system);
      if (what === "red") {
        await runUntil(system, 30_000, isAtStep("fence", "done"));
        system.cluster("gra").ailments.red = true;
        await pass(system, 30_000);
        expect(system.cluster("gra").indices.has("logs-1")).toBe(true);
        system.cluster("gra").ailments.red = false;
      } else {
        await runUntil(system, 30_000, isAtStep("clear", "failed"));
        const record = recordOf(system);
        const step = record.phase === "serving" ? record.plan?.steps.find(({ kind }) => kind === "clear") : null;
        expect(step?.error).toMatch(
          /nothing of gra is deleted; repair these indices, or discard them by name: logs-1: it is closed/,
        );
        expect(system.cluster("gra").indices.has("logs-2")).toBe(true);
        watchdogOf(system).salvage.discarded.add(index.uuid);
        for (const id of index.operations) system.wiped.add(id);
      }
      await runUntil(system, 90_000, serves("bhs", "in-sync"));
      expectSound(system);
    },
  );

  test("is not changed while automatic changes are paused, nor while the active region is unwell", async () => {
    const system = await failedOver();
    const paused = { sinceMs: 0, by: "alice", reason: "maintenance" };
    system.store.cell.command((record) => ({ ...record, paused, sequence: record.sequence + 1 }));
    const held = [...system.cluster("gra").indices.values()].map(({ uuid }) => uuid);
    comesBack(system);
    await pass(system, 30_000);
    expect(statusOf(system)?.summary).toMatch(/alice paused automatic changes/);
    system.store.cell.command((record) => ({ ...record, paused: null, sequence: record.sequence + 1 }));
    system.cluster("bhs").ailments.noMaster = true;
    await pass(system, 30_000);
    expect([...system.cluster("gra").indices.values()].map(({ uuid }) => uuid)).toEqual(held);
    system.cluster("bhs").ailments.noMaster = false;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
  });
});
