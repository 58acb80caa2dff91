import { describe, expect, test } from "vitest";
import { powerOff } from "../faults/power.ts";
import { USUAL_KILOBYTES_PER_MS } from "../world/cluster/first-copy.ts";
import type { SimIndex } from "../world/cluster/index-state.ts";
import { startFollowing } from "../world/cluster/replication.ts";
import type { System } from "../world/system.ts";
import {
  expectMirrored,
  expectSound,
  expectWrittenTo,
  isAtStep,
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

/** The routers open again within this, whatever is left out. */
const FAILOVER_MS_MAX = 20_000;

/** By then the record has that an index which was created before is protected. */
const NOTED_MS = 180_000;

const notedCopies = ({ record }: System) => (record?.phase === "serving" ? record.unfinishedCopies : []);

const copyOf = (system: System, index: string) => system.cluster("bhs").indices.get(index)?.copy ?? null;

/** Creates an index in gra and waits until its first copy runs, which takes an hour. */
async function beginSlowCopy(system: System, index: string): Promise<void> {
  system.kilobytesPerMs = 0.001;
  system.cluster("gra").createIndex(index, null);
  await waitFor(system, 20_000, () => copyOf(system, index) !== null);
}

function used(system: System, region: string, name: string): SimIndex {
  return system.cluster(region).existing(name);
}

describe("a first copy", () => {
  test("that runs neither ends the protection of the other indices nor holds a failover up, and is named", async () => {
    const system = await started();
    await beginSlowCopy(system, "logs-new");
    await pass(system, 20_000);
    expect(recordOf(system)).toMatchObject({ standby: "in-sync" });
    system.cluster("gra").ailments.down = true;
    await runUntil(system, FAILOVER_MS_MAX, serves("bhs"));
    expect(recordOf(system).lastFailover?.missingIndices).toEqual(["logs-new"]);
    expect(system.cluster("bhs").indices.has("logs-new")).toBe(false);
    expectSound(system);
  });

  test("that failed is made again once the line is back, and a failover meanwhile leaves it out", async () => {
    const system = await started();
    const { gra, bhs } = system.clusters;
    await beginSlowCopy(system, "logs-new");
    bhs.ailments.remoteLost = true;
    await waitFor(system, 20_000, () => copyOf(system, "logs-new")?.error != null);
    bhs.ailments.remoteLost = false;
    system.kilobytesPerMs = USUAL_KILOBYTES_PER_MS;
    await waitFor(system, 60_000, () => copyOf(system, "logs-new") === null);
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    await expectMirrored(system, "gra", "bhs");

    await beginSlowCopy(system, "logs-newer");
    gra.ailments.down = true;
    await runUntil(system, FAILOVER_MS_MAX, serves("bhs"));
    expect(recordOf(system).lastFailover?.missingIndices).toEqual(["logs-newer"]);
    system.kilobytesPerMs = USUAL_KILOBYTES_PER_MS;
    gra.ailments.down = false;
    await runUntil(system, 120_000, serves("bhs", "in-sync"));
    expectSound(system);
  });

  test("of an index that was protected before suspends the protection, also after the watchdog was restarted", async () => {
    const system = await started();
    system.cluster("gra").createIndex("logs-new", null);
    await waitFor(system, 20_000, () => statusOf(system)?.replication?.protectedIndices?.count === 3);
    await pass(system, NOTED_MS);
    const station = watchdogOf(system);
    system.kill(station);
    system.cluster("bhs").indices.delete("logs-new");
    system.kilobytesPerMs = 0.001;
    system.start(station);
    await runUntil(system, 30_000, serves("gra", "following"));
    expect(statusOf(system)?.replication?.reasons.join()).toMatch(/logs-new/);
    system.cluster("gra").ailments.down = true;
    await pass(system, 20_000);
    expect(recordOf(system)).toMatchObject({ phase: "serving", active: "gra" });
  });
});

describe("a restart of the whole standby", () => {
  /** Cuts the power of bhs with its watchdog, and restores it. */
  async function cutPower(system: System): Promise<void> {
    const restore = powerOff(system, "bhs");
    await pass(system, 20_000);
    restore?.();
  }

  test("in the middle of a first copy is followed by another one, whatever the watchdog had in memory", async () => {
    const system = await started();
    await beginSlowCopy(system, "logs-new");
    await waitFor(system, 20_000, () => recordOf(system).phase === "serving" && notedCopies(system).length === 1);
    await cutPower(system);
    expect(copyOf(system, "logs-new")).toMatchObject({ isForgotten: true });
    system.kilobytesPerMs = USUAL_KILOBYTES_PER_MS;
    await waitFor(system, 60_000, () => copyOf(system, "logs-new") === null);
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    await waitFor(system, 20_000, () => notedCopies(system).length === 0);
    await expectMirrored(system, "gra", "bhs");
    expectSound(system);
  });

  test("does not cost a copy that was completed a moment before, while its node is away", async () => {
    const system = await started();
    const { bhs } = system.clusters;
    await beginSlowCopy(system, "logs-new");
    await waitFor(system, 20_000, () => notedCopies(system).length === 1);
    const index = used(system, "bhs", "logs-new");
    index.copy = null;
    index.isOnOneNode = true;
    bhs.ailments.nodeAway = true;
    await cutPower(system);
    await pass(system, 60_000);
    expect(bhs.indices.get("logs-new")).toBe(index);
    expect(statusOf(system)?.replication?.reasons.join()).toMatch(/logs-new lacks a primary in bhs/);
    bhs.ailments.nodeAway = false;
    await waitFor(system, 20_000, () => notedCopies(system).length === 0);
    bhs.ailments.nodeAway = true;
    await pass(system, 60_000);
    expect(bhs.indices.get("logs-new")).toBe(index);
    expectSound(system);
  });
});

describe("a restart of the whole standby in the middle of a first copy", () => {
  test("as it is promoted leaves nothing of the copy behind, and the old region rejoins by itself", async () => {
    const system = await started();
    const { gra, bhs } = system.clusters;
    await beginSlowCopy(system, "logs-new");
    await waitFor(system, 20_000, () => notedCopies(system).length === 1);
    gra.ailments.down = true;
    whenWritten(system, isAtStep("drain", "running"), () => bhs.restart());
    await runUntil(system, FAILOVER_MS_MAX, serves("bhs"));
    expect(bhs.indices.has("logs-new")).toBe(false);
    system.kilobytesPerMs = USUAL_KILOBYTES_PER_MS;
    gra.ailments.down = false;
    await runUntil(system, 120_000, serves("bhs", "in-sync"));
    expectSound(system);
  });

  test("that no watchdog had seen holds the rejoin up, until an operator deletes the copy as status advises", async () => {
    // So few indices are there that one without a primary would be a quarter of them.
    const system = await started({
      change: ({ checks, ...config }) => ({ ...config, checks: { ...checks, redIndices: { share: 1, required: [] } } }),
    });
    const { gra, bhs } = system.clusters;
    gra.createIndex("logs-new", null);
    gra.ailments.down = true;
    // Auto-follow had decided on it before.
    whenWritten(system, isAtStep("drain", "running"), () => {
      startFollowing(bhs, "logs-new", gra);
      bhs.restart();
    });
    await runUntil(system, system.config.promotion.maxStuckMs + FAILOVER_MS_MAX, serves("bhs"));
    gra.ailments.down = false;
    await runUntil(system, 60_000, isAtStep("clear", "failed"));
    await pass(system, 20_000);
    expect(gra.indices.get("logs-1")?.following).toBeNull();
    expect(statusOf(system)?.summary).toMatch(/logs-new was left out: if it lacks a primary .* delete it there/);
    bhs.indices.delete("logs-new");
    await waitFor(system, 180_000, () => recordOf(system).lastFailover?.toJoin === undefined);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(recordOf(system).lastFailover?.missingIndices).toEqual(["logs-new"]);
    await expectMirrored(system, "bhs", "gra");
    expectSound(system);
  });
});

describe("a follower", () => {
  test("whose leader was deleted and created again follows the new one", async () => {
    const system = await started();
    for (const id of used(system, "gra", "logs-2").operations) system.wiped.add(id);
    system.cluster("gra").indices.delete("logs-2");
    await waitFor(system, 120_000, () => {
      const leader = system.cluster("gra").indices.get("logs-2");
      return leader !== undefined && system.cluster("bhs").indices.get("logs-2")?.following?.leaderUuid === leader.uuid;
    });
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    expectSound(system);
  });

  test.each(["writeBlocked", "readOnly"] as const)(
    "that was made with its leader's block (%s) gets the leader's later writes",
    async (block) => {
      const system = await started();
      system.cluster("gra").createIndex("logs-new", null);
      used(system, "gra", "logs-new")[block] = true;
      await waitFor(system, 20_000, () => system.cluster("bhs").indices.has("logs-new"));
      await pass(system, 5_000);
      used(system, "gra", "logs-new")[block] = false;
      await expectWrittenTo(system, "logs-new");
      await waitFor(system, 60_000, () => used(system, "bhs", "logs-new").operations.length > 0);
      await runUntil(system, 60_000, serves("gra", "in-sync"));
      expectSound(system);
    },
  );
});

describe("auto-follow", () => {
  test("does not ask a region that refuses connections a thousand times a second for long", async () => {
    const system = await started();
    const { gra, bhs } = system.clusters;
    // Without a licence there is no failover, which would pause it anyway.
    bhs.ailments.licenceLost = true;
    await pass(system, 5_000);
    gra.ailments.down = true;
    await pass(system, 20_000);
    const failures = bhs.autoFollowFailures;
    await pass(system, 20_000);
    expect(bhs.autoFollowFailures).toBe(failures);
    gra.ailments.down = false;
    system.cluster("gra").createIndex("logs-new", null);
    await waitFor(system, 60_000, () => bhs.indices.has("logs-new"));
  });
});

test("an alias accepts writes after a failover right after its first index was followed", async () => {
  const system = await started();
  const { gra, bhs } = system.clusters;
  gra.rollOver("logs-write", "logs-rolled");
  await waitFor(system, 20_000, () => bhs.indices.get("logs-rolled")?.following?.status === "active");
  await pass(system, 2_500);
  used(system, "bhs", "logs-rolled").aliases = [];
  gra.ailments.down = true;
  await runUntil(system, FAILOVER_MS_MAX, serves("bhs"));
  expect(bhs.writeIndexOf("logs-write")?.name).toBe("logs-rolled");
  expectSound(system);
});
