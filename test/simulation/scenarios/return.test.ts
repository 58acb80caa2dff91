import { describe, expect, test } from "vitest";
import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import type { StepKind } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { checkLedger } from "../judge/invariants.ts";
import type { SimSystem } from "../world/system.ts";
import { diesWhenWritten, recordOf, runUntil, started, whenWritten } from "./scenario.ts";

/** What comes after a failover: the old region's way back, and the active region's way home. */

const serves =
  (active: string, standby?: string) =>
  (record: StateRecord): boolean =>
    record.phase === "serving" && record.active === active && (standby === undefined || record.standby === standby);

const isAtStep = (kind: StepKind, status: string) => (record: StateRecord) =>
  record.phase !== "closing" &&
  (record.plan?.steps.some((step) => step.kind === kind && step.status === status) ?? false);

/** gra is lost with writes that bhs has not seen, and bhs serves. */
async function failedOver(change?: (config: WatchdogConfig) => WatchdogConfig): Promise<SimSystem> {
  const system = await started(change);
  system.replicationRate = 0;
  await system.world.runUntil(system.world.nowMs + 1_500);
  system.cluster("gra").ailments.down = true;
  await runUntil(system, 20_000, serves("bhs"));
  system.replicationRate = 50;
  await system.world.runUntil(system.world.nowMs + 5_000);
  return system;
}

/** Operations that gra holds and bhs does not. */
function diverged(system: SimSystem): readonly string[] {
  const there = new Set([...system.cluster("bhs").indices.values()].flatMap(({ operations }) => operations));
  return [...system.cluster("gra").indices.values()].flatMap(({ operations }) =>
    operations.filter((id) => !there.has(id)),
  );
}

const comesBack = (system: SimSystem) => {
  system.cluster("gra").ailments.down = false;
};

function expectLossless(system: SimSystem): void {
  checkLedger(system);
  expect(system.world.violation, system.log.join("\n")).toBeNull();
}

/** Every index of the active region is followed by the standby, which holds nothing else. */
async function expectMirrored(system: SimSystem, active: string, standby: string): Promise<void> {
  await system.world.runUntil(system.world.nowMs + 5_000);
  const followers = [...system.cluster(standby).indices.values()];
  expect(followers.every(({ following }) => following?.remote === active)).toBe(true);
  expect(followers.map(({ name }) => name).sort()).toEqual([...system.cluster(active).indices.keys()].sort());
}

const rejoinSteps: readonly StepKind[] = ["fence", "pause-auto-follow", "salvage", "clear"];

describe("a former primary that comes back", () => {
  test("is fenced, salvaged, emptied, and follows until it is in sync", async () => {
    const system = await failedOver();
    const lost = diverged(system);
    expect(lost.length).toBeGreaterThan(5);
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    for (const id of lost) expect(system.salvage.operations.has(id), id).toBe(true);
    expect(recordOf(system).lastFailover?.rejoinedAtMs).not.toBeNull();
    expect(recordOf(system).writeBlocks).toBeNull();
    await expectMirrored(system, "bhs", "gra");
    expectLossless(system);
  });

  test("goes through every state of a standby in its order", async () => {
    const system = await failedOver();
    const states: string[] = [];
    const { onWrite } = system.disk;
    system.disk.onWrite = (before, after, rule, by) => {
      onWrite(before, after, rule, by);
      if (after.phase === "serving" && states.at(-1) !== after.standby) states.push(after.standby);
    };
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(states).toEqual(["fencing", "salvaging", "following", "in-sync"]);
  });

  test("waits for five good checks in a row, however often it flaps", async () => {
    const system = await failedOver();
    for (let n = 0; n < 4; n += 1) {
      system.cluster("gra").ailments.down = false;
      await system.world.runUntil(system.world.nowMs + 3_500);
      expect(serves("bhs", "absent")(recordOf(system))).toBe(true);
      system.cluster("gra").ailments.down = true;
      await system.world.runUntil(system.world.nowMs + 1_500);
    }
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expectLossless(system);
  });

  test.each(rejoinSteps)("flapping during %s ends in sync, with nothing lost", async (kind) => {
    const system = await failedOver();
    comesBack(system);
    whenWritten(system, isAtStep(kind, "running"), () => {
      system.cluster("gra").ailments.down = true;
    });
    await system.world.runUntil(system.world.nowMs + 20_000);
    comesBack(system);
    await runUntil(system, 90_000, serves("bhs", "in-sync"));
    expectLossless(system);
  });

  test.each(rejoinSteps)("whose watchdog dies in %s goes on where it was", async (kind) => {
    const system = await failedOver();
    comesBack(system);
    diesWhenWritten(system, isAtStep(kind, "running"));
    await runUntil(system, 30_000, isAtStep(kind, "running"));
    expect(system.process?.isAlive).toBe(false);
    await system.world.runUntil(system.world.nowMs + 15_000);
    system.restartWatchdogAfter(0);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    await expectMirrored(system, "bhs", "gra");
    expectLossless(system);
  });

  test.each(["before", "after"] as const)(
    "survives the death of the watchdog %s any one of its calls",
    async (when) => {
      for (let call = 1; call <= 80; call += 2) {
        const system = await failedOver();
        comesBack(system);
        await runUntil(system, 30_000, (record) => record.phase === "serving" && record.plan?.kind === "rejoin");
        if (system.process !== null) system.process.diesAt = { call, when };
        await runUntil(system, 90_000, serves("bhs", "in-sync"));
        expectLossless(system);
      }
    },
  );

  test("comes to its end though the wall clock is set back by an hour meanwhile", async () => {
    const system = await failedOver();
    comesBack(system);
    await runUntil(system, 30_000, (record) => record.phase === "serving" && record.plan?.kind === "rejoin");
    system.host.wallOffsetMs -= 3_600_000;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expectLossless(system);
  });

  test("is salvaged by whoever goes on, when what the first watchdog saved lies on another host", async () => {
    const system = await failedOver();
    comesBack(system);
    await runUntil(system, 30_000, isAtStep("salvage", "done"));
    system.killWatchdog();
    system.loseSalvage();
    system.restartWatchdogAfter(0);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expectLossless(system);
  });

  test("that was built anew has nothing to salvage, and follows", async () => {
    const system = await failedOver();
    system.wipe("gra");
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(system.salvage.operations.size).toBe(0);
    await expectMirrored(system, "bhs", "gra");
  });

  test("that was built anew and written to by somebody is salvaged whole: the checkpoints speak of other indices", async () => {
    const system = await failedOver();
    system.wipe("gra");
    comesBack(system);
    system.cluster("gra").createIndex("logs-1", null);
    for (const id of ["a", "b", "c"]) system.cluster("gra").write("logs-1", id);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect([...system.salvage.operations].sort()).toEqual(["a", "b", "c"]);
    expectLossless(system);
  });

  test("loses an index that it alone has, but not before all of it is salvaged", async () => {
    const system = await started();
    system.replicationRate = 0;
    system.cluster("bhs").reachesRemote = false;
    system.clientCreates("logs-local", null);
    await system.world.runUntil(system.world.nowMs + 100);
    for (let n = 0; n < 5; n += 1) system.clientWrites("logs-local");
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.replicationRate = 50;
    system.cluster("bhs").reachesRemote = true;
    const held = system.cluster("gra").indices.get("logs-local")?.operations ?? [];
    expect(held.length).toBeGreaterThan(2);
    comesBack(system);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(held.every((id) => system.salvage.operations.has(id))).toBe(true);
    expect(system.cluster("gra").indices.has("logs-local")).toBe(false);
    expectLossless(system);
  });

  test("keeps an index that it alone has, closed, where the policy says so", async () => {
    const keep = (config: WatchdogConfig) => ({ ...config, rejoin: { policy: "keep" as const } });
    const system = await failedOver(keep);
    comesBack(system);
    system.cluster("gra").createIndex("logs-local", null);
    system.cluster("gra").write("logs-local", "mine");
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(system.cluster("gra").indices.get("logs-local")).toMatchObject({ open: false, operations: ["mine"] });
    expect(system.salvage.operations.has("mine")).toBe(true);
    expectLossless(system);
  });

  test.each(["red", "closed"] as const)(
    "is left as it is while an index of it is %s: a person mends or discards it",
    async (what) => {
      const system = await failedOver();
      const index = system.cluster("gra").indices.get("logs-1");
      if (index === undefined) throw new Error("no logs-1");
      index.open = what !== "closed";
      comesBack(system);
      if (what === "red") {
        await runUntil(system, 30_000, isAtStep("fence", "done"));
        system.cluster("gra").ailments.red = true;
        await system.world.runUntil(system.world.nowMs + 30_000);
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
        system.salvage.discarded.add(index.uuid);
        for (const id of index.operations) system.wiped.add(id);
      }
      await runUntil(system, 90_000, serves("bhs", "in-sync"));
      expectLossless(system);
    },
  );

  test("is not touched while automatic changes are paused, nor while the active region is unwell", async () => {
    const system = await failedOver();
    const paused = { sinceMs: 0, by: "alice", reason: "maintenance" };
    system.disk.command((record) => ({ ...record, paused, sequence: record.sequence + 1 }));
    const held = [...system.cluster("gra").indices.values()].map(({ uuid }) => uuid);
    comesBack(system);
    await system.world.runUntil(system.world.nowMs + 30_000);
    expect(system.watchdog?.status().summary).toMatch(/alice paused automatic changes/);
    system.disk.command((record) => ({ ...record, paused: null, sequence: record.sequence + 1 }));
    system.cluster("bhs").ailments.noMaster = true;
    await system.world.runUntil(system.world.nowMs + 30_000);
    expect([...system.cluster("gra").indices.values()].map(({ uuid }) => uuid)).toEqual(held);
    system.cluster("bhs").ailments.noMaster = false;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
  });
});

describe("a standby", () => {
  test("that lost its data is filled again", async () => {
    const system = await started();
    system.wipe("bhs");
    await system.world.runUntil(system.world.nowMs + 15_000);
    await runUntil(system, 30_000, serves("gra", "in-sync"));
    await expectMirrored(system, "gra", "bhs");
  });

  test("that lost its data is not promoted for having been in sync a moment before", async () => {
    const system = await started();
    system.cluster("bhs").reachesRemote = false;
    system.wipe("bhs");
    await system.world.runUntil(system.world.nowMs + 3_000);
    system.cluster("gra").ailments.down = true;
    await system.world.runUntil(system.world.nowMs + 20_000);
    expect(recordOf(system)).toMatchObject({ phase: "serving", active: "gra" });
    expect(system.watchdog?.status().summary).toMatch(/no failover: bhs/);
  });

  test("that was away until its leases had run out is copied anew", async () => {
    const system = await started();
    system.cluster("bhs").ailments.down = true;
    await system.world.runUntil(system.world.nowMs + 30_000);
    system.cluster("gra").forgetHistory();
    await system.world.runUntil(system.world.nowMs + 5_000);
    system.cluster("bhs").ailments.down = false;
    await system.world.runUntil(system.world.nowMs + 3_000);
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    await expectMirrored(system, "gra", "bhs");
    expectLossless(system);
  });

  test("is not copied anew while it holds more than its leader", async () => {
    const system = await started();
    const [leader, follower] = [
      system.cluster("gra").indices.get("logs-1"),
      system.cluster("bhs").indices.get("logs-1"),
    ];
    if (leader === undefined || follower?.following == null) throw new Error("logs-1 is not followed");
    follower.operations.splice(0, follower.operations.length, ...leader.operations, "only-here", "and-here");
    follower.following.fatal = "Operations are no longer available for replicating.";
    leader.historyFrom = Number.MAX_SAFE_INTEGER;
    leader.writeBlocked = true;
    await system.world.runUntil(system.world.nowMs + 20_000);
    expect(system.cluster("bhs").indices.get("logs-1")).toBe(follower);
    expect(
      system.watchdog
        ?.status()
        .replication?.repairs.map(({ error }) => error)
        .join(),
    ).toMatch(/logs-1 may hold operations that gra lacks/);
  });
});

describe("a follower that auto-follow makes after the promotion was verified", () => {
  test("is promoted while its region serves", async () => {
    const system = await started();
    system.clientCreates("logs-new", null);
    await system.world.runUntil(system.world.nowMs + 1_050);
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.cluster("bhs").followLate("logs-stray", system.cluster("gra"));
    await runUntil(system, 20_000, (record) => record.phase === "serving" && record.plan?.kind === "repair");
    await runUntil(system, 20_000, (record) => record.phase === "serving" && record.plan === null);
    expect(system.clientWrites("logs-stray")).toBe(true);
    expectLossless(system);
  });
});
