import { describe, expect, test } from "vitest";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { promotionSteps } from "../../promotion-steps.ts";
import { checkLedger } from "../judge/invariants.ts";
import type { SimSystem } from "../world/system.ts";
import { diesWhenWritten, isAtStep, recordOf, runUntil, started } from "./scenario.ts";

const servesBhs = (record: StateRecord) => record.phase === "serving" && record.active === "bhs";
const hasBegun = (record: StateRecord) => record.phase !== "serving";

async function servesWritesAgain(system: SimSystem): Promise<void> {
  const before = system.ledger.length;
  await system.world.runUntil(system.world.nowMs + 5_000);
  expect(system.ledger.slice(before).filter(({ region }) => region === "bhs").length).toBeGreaterThan(10);
  checkLedger(system);
  expect(system.world.violation).toBeNull();
}

describe("a failover", () => {
  test("begins after the third failed check, and bhs accepts writes within seconds", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    const detectedMs = await runUntil(system, 10_000, hasBegun);
    expect(detectedMs).toBeGreaterThan(2_000);
    expect(detectedMs).toBeLessThanOrEqual(3_500);
    expect(await runUntil(system, 10_000, servesBhs)).toBeLessThan(5_000);
    await servesWritesAgain(system);
  });

  test("with steady writers, the estimate holds the true number of lost operations", async () => {
    const system = await started();
    system.replicationRate = 0;
    await system.world.runUntil(system.world.nowMs + 1_500);
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, servesBhs);
    const { lastFailover } = recordOf(system);
    const held = (index: string) => (system.cluster("gra").indices.get(index)?.operations.length ?? 0) - 1;
    const lost = lastFailover?.checkpoints.reduce(
      (sum, { index, globalCheckpoint }) => sum + held(index) - globalCheckpoint,
      0,
    );
    expect(lost).toBeGreaterThan(5);
    expect(lost).toBeGreaterThanOrEqual(lastFailover?.loss.atLeast ?? Number.NaN);
    expect(lost).toBeLessThanOrEqual(lastFailover?.loss.atMost ?? Number.NaN);
  });

  test("sets the write alias that followers do not have", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, servesBhs);
    expect(system.cluster("bhs").indices.get("logs-1")?.aliases).toEqual([{ alias: "logs-write", isWriteIndex: true }]);
  });

  test.each(["lease-removal-fails", "hangs-done", "hangs-undone"] as const)(
    "ends although unfollow misbehaves (%s), as soon as it can",
    async (mood) => {
      const system = await started();
      system.cluster("bhs").ailments.unfollow = mood;
      system.cluster("gra").ailments.down = true;
      if (mood === "hangs-undone") {
        await runUntil(system, 30_000, isAtStep("unfollow", "failed"));
        // Until the watchdog has heard that its write was taken.
        await system.world.runUntil(system.world.nowMs + 100);
        expect(system.watchdog?.status().plan?.find(({ kind }) => kind === "unfollow")?.error).toMatch(
          /still followers: .*logs-1/,
        );
        system.cluster("bhs").ailments.unfollow = "works";
      }
      await runUntil(system, 60_000, servesBhs);
      await servesWritesAgain(system);
    },
  );

  test.each(promotionSteps)(
    "interrupted in the step %s goes on where it was, and comes to the same end",
    async (kind) => {
      const system = await started();
      system.cluster("gra").ailments.down = true;
      diesWhenWritten(system, isAtStep(kind, "running"));
      await runUntil(system, 20_000, isAtStep(kind, "running"));
      expect(system.process?.isAlive).toBe(false);
      const { epoch } = recordOf(system);
      await system.world.runUntil(system.world.nowMs + 20_000);
      expect(recordOf(system).epoch).toBe(epoch);
      system.restartWatchdogAfter(0);
      await runUntil(system, 30_000, servesBhs);
      expect(recordOf(system).lastFailover).toMatchObject({ from: "gra", to: "bhs", missingIndices: [] });
      await servesWritesAgain(system);
    },
  );

  test.each(["before", "after"] as const)("survives death %s any one of its calls", async (when) => {
    for (let call = 1; call <= 60; call += 1) {
      const system = await started();
      system.cluster("gra").ailments.down = true;
      await runUntil(system, 20_000, hasBegun);
      if (system.process !== null) system.process.diesAt = { call, when };
      await runUntil(system, 60_000, servesBhs);
      checkLedger(system);
      expect(system.world.violation, system.log.join("\n")).toBeNull();
    }
  });

  test("does not wait for ever for a router that cannot close: its lease runs out", async () => {
    const system = await started();
    system.router.isDeaf = true;
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, (record) => record.phase === "closing");
    const waitedMs = await runUntil(system, 30_000, (record) => record.phase === "promoting");
    expect(waitedMs).toBeLessThanOrEqual(system.config.leases.ttlMs + 2_000);
    expect(system.router.openRegions()).toEqual([]);
  });

  test("is not taken for a loss of the new region while its indices come and go, not even if the old one is well again", async () => {
    const system = await started();
    const shardsStartMs = 3 * system.config.checks.failThreshold * system.config.checks.intervalMs;
    system.cluster("bhs").ailments.shardsStartMs = shardsStartMs;
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, isAtStep("close", "done"));
    system.cluster("gra").ailments.down = false;
    const openingMs = await runUntil(system, 2 * shardsStartMs, servesBhs);
    // For longer than it takes to find a region unhealthy its indices had no primaries.
    expect(openingMs).toBeGreaterThanOrEqual(shardsStartMs);
    expect(system.failovers).toHaveLength(1);
    await servesWritesAgain(system);
  });

  test("is undone when the new region is lost before an index was unfollowed, and the old one is well again", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, isAtStep("drain", "running"));
    system.cluster("bhs").ailments.down = true;
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 30_000, (record) => record.phase === "serving" && record.active === "gra");
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 60_000, (record) => record.phase === "serving" && record.standby === "in-sync");
    expect(system.world.violation).toBeNull();
  });
});

describe("nothing is touched", () => {
  /** Changes that a watchdog makes to a cluster from now on. */
  const changesOf = (system: SimSystem) => {
    const changes: string[] = [];
    for (const region of ["gra", "bhs"]) system.cluster(region).onChange = (what) => changes.push(`${region}: ${what}`);
    return changes;
  };

  test("when both regions are unhealthy, and the reason is in the status", async () => {
    const system = await started();
    const before = recordOf(system);
    system.cluster("gra").ailments.down = true;
    system.cluster("bhs").ailments.down = true;
    const changes = changesOf(system);
    await system.world.runUntil(system.world.nowMs + 60_000);
    expect(recordOf(system)).toMatchObject({ phase: "serving", active: "gra", epoch: before.epoch });
    expect(changes).toEqual([]);
    expect(system.watchdog?.status().summary).toMatch(/no failover: bhs is not healthy: no node answers/);
  });

  test("when the standby has lost its licence", async () => {
    const system = await started();
    system.cluster("bhs").ailments.licenceLost = true;
    await system.world.runUntil(system.world.nowMs + 3_000);
    const changes = changesOf(system);
    system.cluster("gra").ailments.down = true;
    await system.world.runUntil(system.world.nowMs + 60_000);
    expect(recordOf(system).epoch).toBe(1);
    expect(changes).toEqual([]);
    expect(system.watchdog?.status().summary).toMatch(/licence of bhs is not active/);
  });
});

describe("a router", () => {
  test("whose watchdog dies stops routing before its lease ends", async () => {
    const system = await started();
    expect(system.router.openRegions()).toEqual(["gra"]);
    system.killWatchdog();
    await system.world.runUntil(system.world.nowMs + system.routerSettings.ticketValidityMs);
    expect(system.router.openRegions()).toEqual([]);
  });

  test("keeps its ticket while probes and calls to the clusters hang", async () => {
    const system = await started();
    for (const region of ["gra", "bhs"]) Object.assign(system.cluster(region).ailments, { hangs: 1, slowMs: 60_000 });
    let closedMs = 0;
    system.world.every(50, () => {
      if (system.router.openRegions().length === 0) closedMs += 50;
    });
    await system.world.runUntil(system.world.nowMs + 60_000);
    expect(closedMs).toBe(0);
  });

  test("frozen together with its watchdog over a promotion serves the old region for not one request", async () => {
    const system = await started();
    system.process?.freeze();
    system.router.isFrozen = true;
    await system.world.runUntil(system.world.nowMs + 60_000);
    system.router.isFrozen = false;
    expect(system.router.route()).toBeNull();
  });
});
