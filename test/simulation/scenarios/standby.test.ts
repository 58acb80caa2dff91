import { describe, expect, test } from "vitest";
import { pauseFollow } from "../world/cluster/administration.ts";
import { followLate, startFollowing } from "../world/cluster/replication.ts";
import { USUAL_OPERATIONS } from "../world/system.ts";
import {
  expectMirrored,
  expectSound,
  expectWrittenTo,
  pass,
  recordOf,
  runUntil,
  serves,
  started,
  statusOf,
  waitFor,
  watchdogOf,
} from "./scenario.ts";

describe("a standby", () => {
  test("that lost its data is filled again", async () => {
    const system = await started();
    system.wipe("bhs");
    await pass(system, 15_000);
    await runUntil(system, 30_000, serves("gra", "in-sync"));
    await expectMirrored(system, "gra", "bhs");
  });

  test("that lost its data is not promoted because it was in sync a moment before", async () => {
    const system = await started();
    system.cluster("bhs").ailments.remoteLost = true;
    system.wipe("bhs");
    await pass(system, 3_000);
    system.cluster("gra").ailments.down = true;
    await pass(system, 20_000);
    expect(recordOf(system)).toMatchObject({ phase: "serving", active: "gra" });
    expect(statusOf(system)?.summary).toMatch(/no failover: bhs/);
  });

  test("that was away until its leases expired is copied again", async () => {
    const system = await started();
    system.cluster("bhs").ailments.down = true;
    await pass(system, 30_000);
    system.cluster("gra").forgetHistory();
    await pass(system, 5_000);
    system.cluster("bhs").ailments.down = false;
    await pass(system, 3_000);
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    await expectMirrored(system, "gra", "bhs");
    expectSound(system);
  });

  test("whose hundreds of followers answer slowly does not hold the watchdog up until its service manager ends it", async () => {
    const system = await started();
    const [gra, bhs] = [system.cluster("gra"), system.cluster("bhs")];
    const names = Array.from({ length: 400 }, (_, n) => `logs-extra-${n}`);
    for (const name of names) {
      gra.createIndex(name, null);
      startFollowing(bhs, name, gra);
    }
    await pass(system, 20_000);
    for (const name of names) pauseFollow(bhs, name);
    bhs.ailments.slowMs = 3_000;
    for (let seconds = 0; seconds < 300; seconds += 10) {
      await pass(system, 10_000);
      expect(watchdogOf(system).watchdog?.isRunning(), `${seconds} s`).toBe(true);
    }
    bhs.ailments.slowMs = 0;
    await runUntil(system, 120_000, serves("gra", "in-sync"));
    const { protectedIndices } = statusOf(system)?.replication ?? {};
    expect(protectedIndices).toEqual({ count: 402, of: 402 });
  });

  test("that stops reading tells for how long it has lacked what is written, until it has it", async () => {
    const system = await started();
    const lagMs = () => statusOf(system)?.replication?.lagMs ?? Number.NaN;
    expect(lagMs()).toBeLessThan(4_000);
    system.replicationRate = 0;
    await pass(system, 30_000);
    expect(lagMs()).toBeGreaterThan(24_000);
    expect(lagMs()).toBeLessThan(34_000);
    system.replicationRate = USUAL_OPERATIONS;
    await waitFor(system, 20_000, () => lagMs() < 4_000);
  });

  test("is not copied again while it holds more than its leader", async () => {
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
    await pass(system, 20_000);
    expect(system.cluster("bhs").indices.get("logs-1")).toBe(follower);
    const errors = statusOf(system)?.replication?.repairs.map(({ error }) => error);
    expect(errors?.join()).toMatch(/logs-1 may hold operations that gra lacks/);
  });
});

describe("a follower that auto-follow adds after the promotion was verified", () => {
  test("is promoted while its region serves", async () => {
    const system = await started();
    // The write finds no index, and creates it; auto-follow then decides to follow it.
    system.clients.write(watchdogOf(system), "logs-new");
    await pass(system, 1_100);
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    followLate(system.cluster("bhs"), "logs-stray", system.cluster("gra"));
    await runUntil(system, 20_000, (record) => record.phase === "serving" && record.plan?.kind === "repair");
    await runUntil(system, 20_000, (record) => record.phase === "serving" && record.plan === null);
    await expectWrittenTo(system, "logs-stray");
    expectSound(system);
  });
});
