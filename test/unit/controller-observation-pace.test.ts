import { describe, expect, test } from "vitest";
import { observationIntervalMs, paced } from "../../watchdog/controller/observation-pace.ts";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import { config, health, serving } from "./core-fixtures.ts";
import { VirtualTime } from "./support/virtual-time.ts";

/** A watchdog that another one leads, while both regions are well. */
function inCalm() {
  const observed = new ObservedState(config);
  for (const region of ["gra", "bhs"]) observed.health.set(region, health("healthy"));
  observed.adoptRecord(serving(), 0);
  observed.loseLeadership("witness-1");
  return { observed, config, clock: new VirtualTime() };
}

async function snapshotsIn(rounds: number, pacing: ReturnType<typeof inCalm>): Promise<number> {
  let snapshots = 0;
  const round = paced(pacing, async () => {
    snapshots += 1;
  });
  for (let n = 0; n < rounds; n++) await round();
  return snapshots;
}

describe("a watchdog takes a snapshot", () => {
  test("in every third round while another one leads and all is well", async () => {
    const pacing = inCalm();
    expect(await snapshotsIn(9, pacing)).toBe(3);
    expect(observationIntervalMs(pacing)).toBe(3 * config.replication.intervalMs);
  });

  test.each([
    [
      "it is the controller",
      ({ observed }) => {
        observed.leadershipUntilMonotonicMs = 10_000;
      },
    ],
    ["no controller is known", ({ observed }) => observed.loseLeadership(null)],
    ["a region is not healthy", ({ observed }) => observed.health.set("gra", health("suspect"))],
    ["the standby is not in sync", ({ observed }) => observed.adoptRecord(serving({ standby: "following" }), 0)],
    ["no record is known", ({ observed }) => observed.adoptRecord(null, 0)],
  ] satisfies [string, (pacing: ReturnType<typeof inCalm>) => unknown][])(
    "in every round when %s",
    async (_, change) => {
      const pacing = inCalm();
      change(pacing);
      expect(await snapshotsIn(9, pacing)).toBe(9);
      expect(observationIntervalMs(pacing)).toBe(config.replication.intervalMs);
    },
  );

  test("in the next round once calm ends", async () => {
    const pacing = inCalm();
    let snapshots = 0;
    const round = paced(pacing, async () => {
      snapshots += 1;
    });
    await round();
    await round();
    expect(snapshots).toBe(1);
    pacing.observed.health.set("gra", health("suspect"));
    await round();
    expect(snapshots).toBe(2);
  });
});
