import { describe, expect, test } from "vitest";
import type { System } from "../world/system.ts";
import {
  expectMirrored,
  expectSound,
  expectWritable,
  expectWrittenTo,
  isAtStep,
  pass,
  recordOf,
  routerOf,
  runUntil,
  serves,
  started,
  waitFor,
  whenWritten,
} from "./scenario.ts";

const boundMs = (system: System) => system.config.promotion.maxStuckMs;
/** A decision, and the routers' next renewal. */
const SLACK_MS = 5_000;

const lastOf = ({ store }: System, rule: string) =>
  store.cell.history.findLast((entry) => entry.rule === rule)?.explanation ?? `no ${rule}`;

describe("a change that does not get on goes back to the old region by itself", () => {
  test("when the new region dies while the routers close for an operator's failover", async () => {
    const system = await started();
    whenWritten(
      system,
      ({ phase }) => phase === "closing",
      () => {
        routerOf(system).isDeaf = true;
        system.cluster("bhs").ailments.down = true;
      },
    );
    system.request("failover", "bhs", true);
    await runUntil(system, 5_000, ({ phase }) => phase === "closing");
    await pass(system, 3_000);
    routerOf(system).isDeaf = false;
    const closedMs = await runUntil(system, boundMs(system) + SLACK_MS, serves("gra"));
    expect(closedMs).toBeGreaterThan(boundMs(system) / 2);
    await expectWritable(system, "gra");
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    expectSound(system);
  });

  test("when nothing of the new region can be closed, and what was paused follows again", async () => {
    const system = await started();
    for (const index of system.cluster("bhs").indices.values()) index.snapshotUntilMs = Number.POSITIVE_INFINITY;
    system.request("failover", "bhs", true);
    await runUntil(system, 20_000, isAtStep("close", "failed"));
    await runUntil(system, 2 * boundMs(system), serves("gra"));
    expect(lastOf(system, "promotion-given-up")).toMatch(/Cannot close indices that are being snapshotted/);
    await expectWritable(system, "gra");
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    expectSound(system);
  });
});

describe("an index of the new region that a snapshot holds", () => {
  const holdIn = (system: System, region: string, name: string) => {
    system.cluster(region).existing(name).snapshotUntilMs = Number.POSITIVE_INFINITY;
  };
  const release = (system: System, region: string, name: string) => {
    system.cluster(region).existing(name).snapshotUntilMs = 0;
  };
  const lastFailover = (system: System) => recordOf(system).lastFailover;

  test("is left out of a failover and named, the others open within the bound, and it joins once it is free", async () => {
    const system = await started();
    const { gra, bhs } = system.clusters;
    holdIn(system, "bhs", "logs-1");
    const { uuid } = bhs.existing("logs-1");
    gra.ailments.down = true;
    await runUntil(system, boundMs(system) + SLACK_MS + 3_000, serves("bhs"));
    expect(lastFailover(system)).toMatchObject({
      missingIndices: ["logs-1"],
      leftOut: [
        { index: "logs-1", reason: expect.stringMatching(/could not be closed: .*being snapshotted/) },
        { index: "logs-write", reason: expect.stringMatching(/it has no write index/) },
      ],
      toJoin: { indices: ["logs-1"] },
      loss: { explanation: expect.stringMatching(/not served until they join: logs-1/) },
    });
    await expectWrittenTo(system, "logs-2");
    expect(bhs.existing("logs-1")).toMatchObject({ uuid, following: { status: "paused" } });

    await pass(system, 60_000);
    expect(lastFailover(system)?.toJoin?.attempts).toBeGreaterThan(1);
    expect(bhs.existing("logs-1").uuid).toBe(uuid);
    release(system, "bhs", "logs-1");
    await waitFor(system, 125_000, () => lastFailover(system)?.toJoin === undefined);
    expect(lastOf(system, "repair-done")).toMatch(/logs-1 has joined/);
    expect(lastFailover(system)).toMatchObject({ missingIndices: [], leftOut: [] });
    await expectWrittenTo(system, "logs-1");

    gra.ailments.down = false;
    await runUntil(system, 120_000, serves("bhs", "in-sync"));
    await expectMirrored(system, "bhs", "gra");
    expectSound(system);
  });

  test("keeps what the old region has of it until it has joined; the others are protected again meanwhile", async () => {
    const system = await started();
    const { gra } = system.clusters;
    holdIn(system, "bhs", "logs-1");
    const { uuid } = gra.existing("logs-1");
    gra.ailments.down = true;
    await runUntil(system, boundMs(system) + SLACK_MS + 3_000, serves("bhs"));
    gra.ailments.down = false;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(gra.existing("logs-1")).toMatchObject({ uuid, following: null, writeBlocked: true });
    system.request("switchover", "gra");
    await waitFor(system, 10_000, () =>
      lastOf(system, "refuse-request").includes("left out in bhs, and not joined yet"),
    );

    release(system, "bhs", "logs-1");
    await waitFor(system, 125_000, () => lastFailover(system)?.toJoin === undefined);
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    await expectMirrored(system, "bhs", "gra");
    await expectWrittenTo(system, "logs-1");
    expectSound(system);
  });

  test("is served by the old region again if that has to take over before it has joined", async () => {
    const system = await started();
    const { gra, bhs } = system.clusters;
    holdIn(system, "bhs", "logs-1");
    gra.ailments.down = true;
    await runUntil(system, boundMs(system) + SLACK_MS + 3_000, serves("bhs"));
    gra.ailments.down = false;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    bhs.ailments.down = true;
    await pass(system, 5_000);
    system.request("failover", "gra", true);
    await runUntil(system, 30_000, serves("gra"));
    expect(lastFailover(system)?.missingIndices).toEqual([]);
    await expectWrittenTo(system, "logs-1");
    release(system, "bhs", "logs-1");
    bhs.ailments.down = false;
    await runUntil(system, 120_000, serves("gra", "in-sync"));
    await expectMirrored(system, "gra", "bhs");
    expectSound(system);
  });

  test("makes a switchover turn back while it can, and loses nothing", async () => {
    const system = await started({
      change: (config) => ({ ...config, switchover: { ...config.switchover, maxWritePauseMs: 15_000 } }),
    });
    whenWritten(system, isAtStep("catch-up", "running"), () => holdIn(system, "bhs", "logs-1"));
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, isAtStep("close", "failed"));
    await runUntil(system, 15_000, serves("gra"));
    await expectWritable(system, "gra");
    expectSound(system);
  });
});

test("a switchover whose old region is lost while an index is held leaves that out, and the others serve", async () => {
  const system = await started();
  const { gra, bhs } = system.clusters;
  whenWritten(system, isAtStep("catch-up", "running"), () => {
    bhs.existing("logs-1").snapshotUntilMs = Number.POSITIVE_INFINITY;
  });
  system.request("switchover", "bhs");
  await runUntil(system, 20_000, isAtStep("close", "failed"));
  gra.ailments.down = true;
  await runUntil(system, system.config.switchover.maxWritePauseMs + 40_000, serves("bhs"));
  expect(recordOf(system).lastFailover).toMatchObject({ kind: "switchover", toJoin: { indices: ["logs-1"] } });
  await expectWrittenTo(system, "logs-2");
  expectSound(system);
});

describe("an abort", () => {
  test("during a failover goes back at once while no follower is detached", async () => {
    const system = await started();
    for (const index of system.cluster("bhs").indices.values()) index.snapshotUntilMs = Number.POSITIVE_INFINITY;
    system.request("failover", "bhs", true);
    await runUntil(system, 20_000, isAtStep("close", "failed"));
    system.abort();
    await runUntil(system, SLACK_MS, serves("gra"));
    await expectWritable(system, "gra");
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    expectSound(system);
  });

  test("after followers were detached waits for the old region, and the new one rejoins", async () => {
    const system = await started();
    const { gra, bhs } = system.clusters;
    gra.ailments.down = true;
    bhs.ailments.shardsStartMs = 3_600_000;
    await runUntil(system, 30_000, isAtStep("open", "failed"));
    system.abort();
    await waitFor(system, SLACK_MS, () => lastOf(system, "refuse-abort").includes("followers of bhs are detached"));
    gra.ailments.down = false;
    await pass(system, 6_000);
    if (recordOf(system).phase === "promoting") system.abort();
    await runUntil(system, SLACK_MS, serves("gra"));
    await expectWritable(system, "gra");
    bhs.ailments.shardsStartMs = 0;
    for (const index of bhs.indices.values()) index.startingUntilMs = 0;
    await runUntil(system, 120_000, serves("gra", "in-sync"));
    await expectMirrored(system, "gra", "bhs");
    expectSound(system);
  });

  test("of a switchover lifts the write blocks again", async () => {
    const system = await started();
    whenWritten(system, isAtStep("catch-up", "running"), () => {
      system.replicationRate = 0;
    });
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, isAtStep("block-writes", "done"));
    system.abort();
    await runUntil(system, 10_000, serves("gra"));
    await expectWritable(system, "gra");
    expectSound(system);
  });

  test("is refused once the new region serves", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 30_000, serves("bhs"));
    system.abort();
    await waitFor(system, SLACK_MS, () => system.abortAnswer !== null);
    expect(system.abortAnswer).toMatch(/going back would lose the writes/);
    await expectWritable(system, "bhs");
    expectSound(system);
  });
});
