import { describe, expect, test } from "vitest";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { promotionSteps } from "../../promotion-steps.ts";
import { regions } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import {
  diesAt,
  diesWhenWritten,
  expectSound,
  expectWritable,
  isAtStep,
  pass,
  recordOf,
  routerOf,
  runUntil,
  serves,
  started,
  startedWithEvidence,
  statusOf,
  watchdogOf,
} from "./scenario.ts";

const servesBhs = serves("bhs");
const hasBegun = (record: StateRecord) => record.phase !== "serving";

async function servesWritesAgain(system: System): Promise<void> {
  await expectWritable(system, "bhs");
  expectSound(system);
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

  test("estimates a range that contains the true number of lost operations, with steady writers", async () => {
    const system = await started();
    system.replicationRate = 0;
    await pass(system, 1_500);
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

  test("sets the write alias that followers lack", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, servesBhs);
    expect(system.cluster("bhs").indices.get("logs-1")?.aliases).toEqual([{ alias: "logs-write", isWriteIndex: true }]);
  });

  test.each(["lease-removal-fails", "hangs-done", "hangs-undone"] as const)(
    "ends although unfollow misbehaves (%s), as soon as it is possible",
    async (mood) => {
      const system = await started();
      system.cluster("bhs").ailments.unfollow = mood;
      system.cluster("gra").ailments.down = true;
      if (mood === "hangs-undone") {
        await runUntil(system, 30_000, isAtStep("unfollow", "failed"));
        // Until the watchdog has the answer to its write.
        await pass(system, 100);
        expect(statusOf(system)?.plan?.find(({ kind }) => kind === "unfollow")?.error).toMatch(
          /still followers: .*logs-1/,
        );
        system.cluster("bhs").ailments.unfollow = "works";
      }
      await runUntil(system, 60_000, servesBhs);
      await servesWritesAgain(system);
    },
  );

  test.each(promotionSteps)("interrupted in the step %s is resumed there, with the same result", async (kind) => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    diesWhenWritten(system, isAtStep(kind, "running"));
    await runUntil(system, 20_000, isAtStep(kind, "running"));
    expect(watchdogOf(system).process?.isAlive).toBe(false);
    const { epoch } = recordOf(system);
    await pass(system, 20_000);
    expect(recordOf(system).epoch).toBe(epoch);
    system.restartAfter(watchdogOf(system), 0);
    await runUntil(system, 30_000, servesBhs);
    expect(recordOf(system).lastFailover).toMatchObject({ from: "gra", to: "bhs", missingIndices: [] });
    await servesWritesAgain(system);
  });

  test.each(["before", "after"] as const)(
    "survives the death of the watchdog %s any one of its calls",
    async (when) => {
      for (let call = 1; call <= 60; call += 1) {
        const system = await started();
        system.cluster("gra").ailments.down = true;
        await runUntil(system, 20_000, hasBegun);
        diesAt(system, call, when);
        await runUntil(system, 60_000, servesBhs);
        expectSound(system);
      }
    },
  );

  test("waits for a router that cannot close only until its lease expires", async () => {
    const system = await started();
    routerOf(system).isDeaf = true;
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, (record) => record.phase === "closing");
    const waitedMs = await runUntil(system, 30_000, (record) => record.phase === "promoting");
    expect(waitedMs).toBeLessThanOrEqual(system.config.leases.ttlMs + 2_000);
    expect(routerOf(system).route()).toBeNull();
  });

  test("does not take indices that lack their primaries while it opens them for a loss of the new region", async () => {
    const { system, failovers } = await startedWithEvidence();
    const shardsStartMs = 3 * system.config.checks.failThreshold * system.config.checks.intervalMs;
    system.cluster("bhs").ailments.shardsStartMs = shardsStartMs;
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, isAtStep("close", "done"));
    system.cluster("gra").ailments.down = false;
    const openingMs = await runUntil(system, 2 * shardsStartMs, servesBhs);
    // Its indices had no primaries for longer than it takes to find a region unhealthy.
    expect(openingMs).toBeGreaterThanOrEqual(shardsStartMs);
    expect(failovers).toHaveLength(1);
    await servesWritesAgain(system);
  });

  test("is undone when the new region is lost before any index was unfollowed, and the old one is well again", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, isAtStep("drain", "running"));
    system.cluster("bhs").ailments.down = true;
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 30_000, serves("gra"));
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 60_000, (record) => record.phase === "serving" && record.standby === "in-sync");
    expectSound(system);
  });
});

describe("no cluster is changed", () => {
  /** Changes that a watchdog makes to a cluster from now on. */
  const changesOf = (system: System) => {
    const changes: string[] = [];
    for (const region of regions) {
      system.clusters[region].changing.listen(({ what }) => void changes.push(`${region}: ${what}`));
    }
    return changes;
  };

  test("when both regions are unhealthy, and the status has the reason", async () => {
    const system = await started();
    const before = recordOf(system);
    system.cluster("gra").ailments.down = true;
    system.cluster("bhs").ailments.down = true;
    const changes = changesOf(system);
    await pass(system, 60_000);
    expect(recordOf(system)).toMatchObject({ phase: "serving", active: "gra", epoch: before.epoch });
    expect(changes).toEqual([]);
    expect(statusOf(system)?.summary).toMatch(/no failover: bhs is not healthy: no node answers/);
  });

  test("when the standby has lost its licence", async () => {
    const system = await started();
    system.cluster("bhs").ailments.licenceLost = true;
    await pass(system, 3_000);
    const changes = changesOf(system);
    system.cluster("gra").ailments.down = true;
    await pass(system, 60_000);
    expect(recordOf(system).epoch).toBe(1);
    // What spares bhs the search for new indices in a region that does not answer.
    expect(changes.filter((what) => what !== "bhs: pause auto-follow")).toEqual([]);
    expect(statusOf(system)?.summary).toMatch(/licence of bhs is not active/);
  });
});

describe("a router", () => {
  const ticketValidityMs = ({ config }: System) => config.router?.ticketValidityMs ?? Number.NaN;

  test("whose watchdog dies stops routing before its lease expires", async () => {
    const system = await started();
    expect(routerOf(system).route()).toBe("gra");
    system.kill(watchdogOf(system));
    await pass(system, ticketValidityMs(system));
    expect(routerOf(system).route()).toBeNull();
  });

  test("keeps its ticket while probes and calls to the clusters hang", async () => {
    const system = await started();
    for (const region of ["gra", "bhs"]) Object.assign(system.cluster(region).ailments, { hangs: 1, slowMs: 60_000 });
    let closedMs = 0;
    system.world.every(50, () => {
      if (routerOf(system).route() === null) closedMs += 50;
    });
    await pass(system, 60_000);
    expect(closedMs).toBe(0);
  });

  test("that is frozen with its watchdog for a minute forwards no request by its old ticket", async () => {
    const system = await started();
    watchdogOf(system).process?.freeze();
    routerOf(system).isFrozen = true;
    await pass(system, 60_000);
    routerOf(system).isFrozen = false;
    expect(routerOf(system).route()).toBeNull();
  });
});
