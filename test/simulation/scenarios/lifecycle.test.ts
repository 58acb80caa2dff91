import { describe, expect, test } from "vitest";
import { regions } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import {
  expectSound,
  expectWritable,
  pass,
  recordOf,
  runUntil,
  serves,
  started,
  statusOf,
  waitFor,
  watchdogOf,
} from "./scenario.ts";

/** Rolls the write alias over, as often as index lifecycle management would in weeks. */
async function rollOver(system: System, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    system.clients.rollOver(watchdogOf(system));
    system.clients.writeToAlias(watchdogOf(system));
    await pass(system, 2_000);
    system.clients.writeToAlias(watchdogOf(system));
    await pass(system, 2_000);
  }
}

/** Names of complete indices of a region that follow nothing. */
const unfollowed = (system: System, region: string) =>
  [...system.cluster(region).indices.values()]
    .filter(({ following, open, indexingComplete }) => following === null && open && indexingComplete)
    .map(({ name }) => name);

async function managed(): Promise<System> {
  const system = await started();
  for (const region of regions) system.clusters[region].hasLifecycle = true;
  await rollOver(system, 4);
  await waitFor(system, 60_000, () => unfollowed(system, "bhs").length === 3);
  return system;
}

describe("copies that index lifecycle management of the standby unfollows", () => {
  test("are protected all the while: the standby stays in sync", async () => {
    const system = await managed();
    expect(recordOf(system)).toMatchObject({ standby: "in-sync" });
    // A follower whose first copy has just ended starts within moments.
    await waitFor(system, 5_000, () => statusOf(system)?.replication?.unprotected.length === 0);
    expect(statusOf(system)?.replication).toMatchObject({ inSync: true });
    await pass(system, 30_000);
    expect(unfollowed(system, "bhs")).toHaveLength(3);
    expect(recordOf(system)).toMatchObject({ standby: "in-sync" });
    expectSound(system);
  });

  test("are promoted and not missing; of the region that returns, they are not exported again", async () => {
    const system = await managed();
    const archive = unfollowed(system, "bhs");
    system.cluster("gra").ailments.down = true;
    await runUntil(system, 60_000, serves("bhs"));
    const { lastFailover } = recordOf(system);
    expect(lastFailover?.missingIndices).toEqual([]);
    expect(lastFailover?.checkpoints.map(({ index }) => index)).toEqual(expect.arrayContaining(archive));
    await expectWritable(system, "bhs");

    const held = archive.flatMap((name) => system.cluster("gra").existing(name).operations);
    system.cluster("gra").ailments.down = false;
    await runUntil(system, 120_000, serves("bhs", "in-sync"));
    expect(held.length).toBeGreaterThan(0);
    expect(held.filter((id) => system.isSalvaged(id))).toEqual([]);
    expectSound(system);
  });

  test("do not hold a switchover up", async () => {
    const system = await managed();
    system.request("switchover", "bhs");
    await runUntil(system, 60_000, serves("bhs"));
    expect(recordOf(system).lastFailover).toMatchObject({ kind: "switchover", missingIndices: [] });
    await runUntil(system, 120_000, serves("bhs", "in-sync"));
    expectSound(system);
  });
});
