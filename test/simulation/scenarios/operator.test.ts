import { describe, expect, test } from "vitest";
import type { System } from "../world/system.ts";
import {
  expectSound,
  expectWritable,
  lastRefusal,
  pass,
  recordOf,
  runUntil,
  serves,
  started,
  startedWithEvidence,
} from "./scenario.ts";

describe("a switchover is refused, with the reason,", () => {
  interface Refusal {
    readonly when: string;
    readonly spoil: (system: System) => void;
    readonly reason: RegExp;
    /** Default: bhs. */
    readonly to?: string;
  }
  const refusals: readonly Refusal[] = [
    { when: "to the region that is active", to: "gra", spoil: () => {}, reason: /gra is not the standby/ },
    {
      when: "when the standby's licence has run out",
      spoil: ({ clusters }) => {
        clusters.bhs.ailments.licenceLost = true;
      },
      reason: /licence of bhs is not active/,
    },
    {
      when: "when the active region's licence has run out",
      spoil: ({ clusters }) => {
        clusters.gra.ailments.licenceLost = true;
      },
      reason: /licence of gra does not permit it to follow/,
    },
    {
      when: "when the active region is older than the standby",
      spoil: ({ clusters }) => {
        clusters.gra.version = "9.5.2";
      },
      reason: /gra runs 9\.5\.2, older than the 9\.5\.3 of bhs/,
    },
    {
      when: "when there is no room for the copy",
      spoil: ({ clusters }) => {
        clusters.gra.isLowOnDisk = true;
      },
      reason: /gra has no room for the copy: node-1 low on disk/,
    },
    {
      when: "when the active region does not reach the standby",
      spoil: ({ clusters }) => {
        clusters.gra.ailments.remoteLost = true;
      },
      reason: /gra is not connected to the remote cluster bhs/,
    },
    {
      when: "when an index is closed",
      spoil: ({ clusters }) => {
        const index = clusters.gra.indices.get("logs-2");
        if (index) index.open = false;
      },
      reason: /closed in gra, so not replicated: logs-2/,
    },
    {
      when: "when an alias is outside the managed patterns",
      spoil: ({ clusters }) => {
        clusters.gra.indices.get("logs-2")?.aliases.push({ alias: "elsewhere", isWriteIndex: true });
      },
      reason: /elsewhere, an alias that writes to logs-2, is outside the managed patterns/,
    },
    {
      when: "when a follower has stopped",
      spoil: ({ clusters, world }) => world.every(100, () => clusters.bhs.stopFollowersFatally()),
      reason: /stopped following/,
    },
  ];

  test.each(refusals)("$when", async ({ spoil, reason, to = "bhs" }) => {
    const system = await started();
    spoil(system);
    await pass(system, 300);
    system.request("switchover", to);
    await runUntil(system, 10_000, serves("gra"));
    expect(lastRefusal(system)).toMatch(reason);
    expect(recordOf(system).epoch).toBe(1);
  });

  test("when a region is unhealthy", async () => {
    const system = await started();
    system.cluster("bhs").ailments.red = true;
    await pass(system, 5_000);
    system.request("switchover", "bhs");
    await runUntil(system, 10_000, serves("gra"));
    expect(lastRefusal(system)).toMatch(/bhs is not healthy/);
  });
});

describe("an operator's failover", () => {
  test("away from a region that is well needs force, and the last writes of gra are salvaged", async () => {
    const { system, failovers } = await startedWithEvidence();
    system.request("failover", "bhs");
    await runUntil(system, 10_000, serves("gra"));
    expect(lastRefusal(system)).toMatch(/gra is healthy: a switchover loses no write/);
    system.request("failover", "bhs", true);
    await runUntil(system, 20_000, serves("bhs"));
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expectSound(system);
    expect(failovers).toEqual([]);
  });

  test("back to a former primary that is already fenced lifts its write blocks", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 30_000, (record) => record.phase === "serving" && record.standby === "salvaging");
    system.cluster("bhs").ailments.down = true;
    await pass(system, 5_000);
    system.request("failover", "gra", true);
    await runUntil(system, 30_000, serves("gra"));
    await expectWritable(system, "gra");
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 90_000, serves("gra", "in-sync"));
    expectSound(system);
  });
});
