import { describe, expect, test } from "vitest";
import { observationIntervalMs, paced } from "../../watchdog/controller/observation-pace.ts";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import { snapshotMaxAgeMs } from "../../watchdog/core/rules/conditions/standby.ts";
import { config, health, serving, sight } from "./core-fixtures.ts";
import { VirtualTime } from "./support/virtual-time.ts";

/** A watchdog that another one leads, while both regions are well. */
function inCalm() {
  const observed = new ObservedState(config);
  for (const region of ["gra", "bhs"]) observed.health.set(region, health("healthy"));
  observed.adoptRecord(serving(), 0);
  observed.loseLeadership("witness-1");
  return { observed, config, clock: new VirtualTime() };
}

type Pacing = Pick<ReturnType<typeof inCalm>, "observed">;

function lead({ observed }: Pacing): void {
  observed.leader = null;
  observed.leadershipUntilMonotonicMs = 10_000;
}

function showShards({ observed }: Pacing, number: number): void {
  const shards = Array.from({ length: number }, (_, shard) => ({ index: "logs", shard, maxSeqNo: 0 }));
  observed.leaderSnapshot = { ...sight, shards };
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
    ["it is the controller", lead],
    [
      "it is the controller of a large region whose standby is not in sync",
      ({ observed }) => {
        lead({ observed });
        showShards({ observed }, 3_000);
        observed.adoptRecord(serving({ standby: "following" }), 0);
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

  test.each([
    [999, 1],
    [1_000, 2],
    [2_000, 3],
    [50_000, 3],
  ])("as the controller of %d shards in one of %d rounds while all is well", async (shards, rounds) => {
    const pacing = inCalm();
    lead(pacing);
    showShards(pacing, shards);
    expect(await snapshotsIn(6, pacing)).toBe(6 / rounds);
    expect(observationIntervalMs(pacing)).toBe(rounds * config.replication.intervalMs);
  });

  test.each([1_000, 5_000, 20_000, 60_000])(
    "every %d ms at least so often that the last one may be acted on",
    (intervalMs) => {
      const own = { ...config, replication: { ...config.replication, intervalMs } };
      const { requestTimeoutMs } = own.elasticsearch;
      expect(observationIntervalMs({ ...inCalm(), config: own }) + requestTimeoutMs).toBeLessThanOrEqual(
        snapshotMaxAgeMs(own),
      );
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
