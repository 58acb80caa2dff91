import { describe, expect, test } from "vitest";
import type { WatchdogContext } from "../../watchdog/controller/context.ts";
import { ReplicationPlanner } from "../../watchdog/controller/loops/plan-replication.ts";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { StandbySnapshot } from "../../watchdog/core/state/observations.ts";
import { activeView, config, health, index, NOW_MS, serving, sight, standbyView } from "./core-fixtures.ts";

/** The changes that are planned by this snapshot of the standby, and how often its indices are read for it. */
async function planBy(snapshot: StandbySnapshot | null, standbyError: string | null = null) {
  const observed = new ObservedState(config);
  for (const region of ["gra", "bhs"]) observed.health.set(region, health("healthy"));
  const record = serving();
  observed.adoptRecord(record, 0);
  const active = activeView();
  Object.assign(observed, { active, standby: snapshot, standbyError, leaderSnapshot: sight });
  let reads = 0;
  const now = standbyView();
  const cluster: Partial<Cluster> = {
    region: "bhs",
    indices: async () => {
      reads += 1;
      return now.indices;
    },
    followers: async () => now.followers,
    autoFollowPatterns: async () => now.autoFollow,
    definitions: async () => [],
    checkpoints: async () => [],
  };
  const context: Partial<WatchdogContext> = {
    config,
    observed,
    clock: { nowMs: () => NOW_MS, monotonicMs: () => 0, after: () => () => {}, sleep: async () => {} },
  };
  const planner = new ReplicationPlanner(context as WatchdogContext);
  const { changes } = await planner.plan({ cluster: cluster as Cluster, active, record });
  return { changes, reads };
}

describe("the plan of the replication", () => {
  test("reads no index of the standby again while its last snapshot shows nothing to do", async () => {
    expect(await planBy(standbyView())).toEqual({ changes: [], reads: 0 });
  });

  test("reads them again before it changes something: auto-follow may have followed meanwhile", async () => {
    expect(await planBy(standbyView({ indices: [], followers: [] }))).toEqual({ changes: [], reads: 1 });
  });

  test.each([
    ["there is no snapshot", null, null],
    ["the last snapshot is of the other region", standbyView({ region: "gra" }), null],
    ["the last snapshot is old", standbyView({ observedAtMs: NOW_MS - 60_000 }), null],
    ["the standby did not answer since", standbyView({ indices: [index("logs-1", { following: true })] }), "timeout"],
  ])("reads them when %s", async (_, snapshot, error) => {
    expect((await planBy(snapshot, error)).reads).toBe(1);
  });
});
