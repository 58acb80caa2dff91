import { describe, expect, test } from "vitest";
import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import type { StepKind } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { promotionSteps } from "../../promotion-steps.ts";
import { checkLedger } from "../judge/invariants.ts";
import type { SimSystem } from "../world/system.ts";
import { diesWhenWritten, isAtStep, recordOf, runUntil, started, whenWritten } from "./scenario.ts";

/** Planned changes and operators' commands, with clients that write ten times a second. */

const serves =
  (active: string, standby?: string) =>
  (record: StateRecord): boolean =>
    record.phase === "serving" &&
    record.active === active &&
    record.request === null &&
    (standby === undefined || record.standby === standby);

/** Instead of draining what still arrives, a switchover waits until everything has. */
const steps: readonly StepKind[] = ["block-writes", "catch-up", ...promotionSteps.filter((kind) => kind !== "drain")];
/** Steps before which nothing was cut loose. */
const reversible = steps.slice(0, steps.indexOf("unfollow"));

/** Every acknowledged write is in the active region itself: none had to be salvaged. */
function expectNothingLost(system: SimSystem): void {
  checkLedger(system);
  const record = recordOf(system);
  const active = record.phase === "serving" ? record.active : "";
  const there = new Set([...system.cluster(active).indices.values()].flatMap(({ operations }) => operations));
  expect(system.ledger.filter(({ id }) => !there.has(id))).toEqual([]);
  expect(system.world.violation, system.log.join("\n")).toBeNull();
}

async function expectWritable(system: SimSystem, region: string): Promise<void> {
  const before = system.ledger.length;
  await system.world.runUntil(system.world.nowMs + 5_000);
  const written = system.ledger.slice(before);
  expect(written.length).toBeGreaterThan(10);
  expect(written.every((entry) => entry.region === region)).toBe(true);
}

const lastRefusal = ({ disk }: SimSystem) =>
  disk.history.findLast(({ rule }) => rule === "refuse-request")?.explanation ?? "nothing was refused";

describe("a switchover", () => {
  test("under load loses nothing, stops writers for a few seconds, and ends with the old region in sync", async () => {
    const system = await started();
    const before = system.ledger.at(-1);
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, serves("bhs"));
    await expectWritable(system, "bhs");
    const first = system.ledger.find(({ region }) => region === "bhs");
    expect((first?.atMs ?? Number.NaN) - (before?.atMs ?? Number.NaN)).toBeLessThan(4_000);
    expectNothingLost(system);
    expect(recordOf(system).lastFailover).toMatchObject({ kind: "switchover", loss: { atLeast: 0, atMost: 0 } });
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(system.salvage.operations.size).toBe(0);
    expectNothingLost(system);
  });

  test("there and home again, and there once more, loses nothing", async () => {
    const system = await started();
    for (const to of ["bhs", "gra", "bhs"]) {
      expect(system.request("switchover", to)).toBe(true);
      await runUntil(system, 20_000, serves(to));
      await runUntil(system, 60_000, serves(to, "in-sync"));
      await expectWritable(system, to);
      expectNothingLost(system);
    }
  });

  test.each(steps)("whose watchdog dies in %s is finished by the next one", async (kind) => {
    const system = await started();
    diesWhenWritten(system, isAtStep(kind, "running"));
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, isAtStep(kind, "running"));
    expect(system.process?.isAlive).toBe(false);
    await system.world.runUntil(system.world.nowMs + 3_000);
    system.restartWatchdogAfter(0);
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
        if (system.process !== null) system.process.diesAt = { call, when };
        await runUntil(system, 120_000, (record) => record.phase === "serving" && record.standby === "in-sync");
        await expectWritable(system, (recordOf(system) as Extract<StateRecord, { phase: "serving" }>).active);
        expectNothingLost(system);
      }
    },
  );

  test.each(reversible)("that lasts too long in %s goes back, and gra accepts writes again", async (kind) => {
    const system = await started();
    diesWhenWritten(system, isAtStep(kind, "running"));
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, isAtStep(kind, "running"));
    await system.world.runUntil(system.world.nowMs + system.config.switchover.maxWritePauseMs);
    system.restartWatchdogAfter(0);
    await runUntil(system, 20_000, serves("gra"));
    await expectWritable(system, "gra");
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    expectNothingLost(system);
  });

  test("marks an index that is created in block-writes, and lifts its block after the death of the watchdog", async () => {
    const system = await started();
    whenWritten(system, isAtStep("block-writes", "running"), () => {
      system.cluster("gra").createIndex("logs-late", null);
    });
    system.request("switchover", "bhs");
    const isBlocked = () => system.cluster("gra").indices.get("logs-late")?.writeBlocked === true;
    await system.world.runUntil(system.world.nowMs + 20_000, isBlocked);
    expect(isBlocked()).toBe(true);
    if (system.process !== null) system.process.diesAt = { call: 1, when: "before" };
    await system.world.runUntil(system.world.nowMs + system.config.switchover.maxWritePauseMs);
    system.restartWatchdogAfter(0);
    await runUntil(system, 20_000, serves("gra"));
    expect(system.clientWrites("logs-late")).toBe(true);
    expectNothingLost(system);
  });

  test("goes back when the standby does not catch up in time", async () => {
    const system = await started();
    system.replicationRate = 0;
    await system.world.runUntil(system.world.nowMs + 500);
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, isAtStep("catch-up", "running"));
    await runUntil(system, 30_000, serves("gra"));
    expect(system.disk.history.map(({ explanation }) => explanation).join("\n")).toMatch(
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
    system.restartWatchdogAfter(0);
    await runUntil(system, 60_000, serves("bhs"));
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 90_000, serves("bhs", "in-sync"));
    checkLedger(system);
    expect(system.world.violation, system.log.join("\n")).toBeNull();
  });

  test.each(steps)("comes to a good end when bhs is lost in %s for a while", async (kind) => {
    const system = await started();
    whenWritten(system, isAtStep(kind, "running"), () => {
      system.cluster("bhs").ailments.down = true;
    });
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, ({ phase }) => phase === "promoting");
    await system.world.runUntil(system.world.nowMs + 15_000);
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 120_000, (record) => record.phase === "serving" && record.standby === "in-sync");
    expectNothingLost(system);
  });
});

describe("a switchover is refused, with the reason,", () => {
  const refusals: readonly (readonly [string, (system: SimSystem) => void, RegExp])[] = [
    ["to the region that is active", () => {}, /gra is not the standby/],
    [
      "when the standby's licence has run out",
      ({ clusters }) => {
        if (clusters["bhs"]) clusters["bhs"].ailments.licenceLost = true;
      },
      /licence of bhs is not active/,
    ],
    [
      "when the active region's licence has run out",
      ({ clusters }) => {
        if (clusters["gra"]) clusters["gra"].ailments.licenceLost = true;
      },
      /licence of gra does not permit it to follow/,
    ],
    [
      "when the active region is older than the standby",
      ({ clusters }) => {
        if (clusters["gra"]) clusters["gra"].version = "9.5.2";
      },
      /gra runs 9\.5\.2, older than the 9\.5\.3 of bhs/,
    ],
    [
      "when there is no room for the copy",
      ({ clusters }) => {
        if (clusters["gra"]) clusters["gra"].isLowOnDisk = true;
      },
      /gra has no room for the copy: node-1 low on disk/,
    ],
    [
      "when the active region does not reach the standby",
      ({ clusters }) => {
        if (clusters["gra"]) clusters["gra"].reachesRemote = false;
      },
      /gra is not connected to the remote cluster bhs/,
    ],
    [
      "when an index is closed",
      ({ clusters }) => {
        const index = clusters["gra"]?.indices.get("logs-2");
        if (index) index.open = false;
      },
      /closed in gra, so not replicated: logs-2/,
    ],
    [
      "when an alias is not the watchdog's to turn",
      ({ clusters }) => {
        clusters["gra"]?.indices.get("logs-2")?.aliases.push({ alias: "elsewhere", isWriteIndex: true });
      },
      /elsewhere, an alias that writes to logs-2, is outside the managed patterns/,
    ],
    ["when a follower has stopped", ({ clusters }) => clusters["bhs"]?.stopFollowersFatally(), /stopped following/],
  ];
  test.each(refusals)("%s", async (title, spoil, reason) => {
    const system = await started();
    spoil(system);
    await system.world.runUntil(system.world.nowMs + 300);
    system.request("switchover", title.startsWith("to the region") ? "gra" : "bhs");
    await runUntil(system, 10_000, serves("gra"));
    expect(lastRefusal(system)).toMatch(reason);
    expect(recordOf(system).epoch).toBe(1);
  });

  test("when a region is unhealthy", async () => {
    const system = await started();
    system.cluster("bhs").ailments.red = true;
    await system.world.runUntil(system.world.nowMs + 5_000);
    system.request("switchover", "bhs");
    await runUntil(system, 10_000, serves("gra"));
    expect(lastRefusal(system)).toMatch(/bhs is not healthy/);
  });
});

describe("an operator's failover", () => {
  test("away from a region that is well needs force, and what gra took last is salvaged", async () => {
    const system = await started();
    system.request("failover", "bhs");
    await runUntil(system, 10_000, serves("gra"));
    expect(lastRefusal(system)).toMatch(/gra is healthy: a switchover loses no write/);
    system.request("failover", "bhs", true);
    await runUntil(system, 20_000, serves("bhs"));
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    checkLedger(system);
    expect(system.failovers).toEqual([]);
  });

  test("back to a former primary that is fenced already lifts its write blocks", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 30_000, (record) => record.phase === "serving" && record.standby === "salvaging");
    system.cluster("bhs").ailments.down = true;
    await system.world.runUntil(system.world.nowMs + 5_000);
    system.request("failover", "gra", true);
    await runUntil(system, 30_000, serves("gra"));
    await expectWritable(system, "gra");
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 90_000, serves("gra", "in-sync"));
    checkLedger(system);
    expect(system.world.violation, system.log.join("\n")).toBeNull();
  });
});

describe("a region that is needed again before it has rejoined accepts writes", () => {
  /** bhs is lost, and an operator forces gra back. */
  async function forcedBack(system: SimSystem): Promise<void> {
    system.cluster("bhs").ailments.down = true;
    await system.world.runUntil(system.world.nowMs + 5_000);
    system.request("failover", "gra", true);
    await runUntil(system, 30_000, serves("gra"));
    await expectWritable(system, "gra");
    system.cluster("bhs").ailments.down = false;
    await runUntil(system, 90_000, serves("gra", "in-sync"));
    expect(system.world.violation, system.log.join("\n")).toBeNull();
  }

  test("when a switchover had blocked its writes before the fence", async () => {
    const system = await started();
    system.request("switchover", "bhs");
    await runUntil(system, 20_000, serves("bhs"));
    await runUntil(system, 30_000, serves("bhs", "salvaging"));
    await forcedBack(system);
  });

  test("when a repair of the other region had taken the place of its rejoin", async () => {
    const system = await started();
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 30_000, serves("bhs", "salvaging"));
    system.cluster("bhs").followLate("logs-stray", system.cluster("gra"));
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
    await system.world.runUntil(system.world.nowMs + 5_000);
    system.request("failover", "bhs", true);
    await runUntil(system, 30_000, serves("bhs"));
    await expectWritable(system, "bhs");
  });
});

describe("automatic failback", () => {
  const failback = (automatic: boolean) => (config: WatchdogConfig) => ({
    ...config,
    failback: { automatic, quietPeriodMs: 30_000 },
  });

  async function afterFailover(automatic: boolean): Promise<SimSystem> {
    const system = await started(failback(automatic));
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 20_000, serves("bhs"));
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    return system;
  }

  test("brings the first primary back after the quiet period, and loses nothing", async () => {
    const system = await afterFailover(true);
    const waitedMs = await runUntil(system, 60_000, ({ phase }) => phase !== "serving");
    expect(waitedMs).toBeGreaterThanOrEqual(30_000);
    await runUntil(system, 60_000, serves("gra", "in-sync"));
    checkLedger(system);
    expect(system.world.violation).toBeNull();
  });

  test("waits anew when the standby falls behind within the quiet period", async () => {
    const system = await afterFailover(true);
    await system.world.runUntil(system.world.nowMs + 20_000);
    system.replicationRate = 0;
    await runUntil(system, 60_000, serves("bhs", "following"));
    system.replicationRate = 50;
    await runUntil(system, 60_000, serves("bhs", "in-sync"));
    expect(await runUntil(system, 60_000, ({ phase }) => phase !== "serving")).toBeGreaterThanOrEqual(29_000);
  });

  test("does nothing where it is off, nor after a switchover that somebody wanted", async () => {
    const off = await afterFailover(false);
    await off.world.runUntil(off.world.nowMs + 60_000);
    expect(serves("bhs")(recordOf(off))).toBe(true);
    const wanted = await started(failback(true));
    wanted.request("switchover", "bhs");
    await runUntil(wanted, 60_000, serves("bhs", "in-sync"));
    await wanted.world.runUntil(wanted.world.nowMs + 60_000);
    expect(serves("bhs")(recordOf(wanted))).toBe(true);
  });
});
