import { describe, expect, test } from "vitest";
import { historySeeds } from "./seeds.ts";
import { runHistory } from "./three-sites.ts";
import { regressionSeeds } from "./three-sites-regressions.ts";

const { blocks, tale } = historySeeds("ES_FAILOVER_SITES_HISTORIES", 2_500);

describe("three sites, three watchdogs, two routers, etcd and a network, on virtual time", () => {
  for (const { from, to } of blocks) {
    test(`every invariant holds in the histories of seeds ${from} to ${to}`, { timeout: 3_600_000 }, async () => {
      const sums = { acknowledged: 0, failovers: 0, restarts: 0, failsafes: 0 };
      for (let seed = from; seed <= to; seed += 1) {
        const result = await runHistory(seed);
        expect(result.violation, tale(result)).toBeNull();
        for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += result[key];
      }
      const { failovers, restarts, failsafes, acknowledged } = sums;
      console.log(
        `three sites, seeds ${from} to ${to}: ${failovers} failovers, ${restarts} restarts of watchdogs, ` +
          `${failsafes} times a watchdog gave its word, ${acknowledged} acknowledged writes`,
      );
      // Histories in which nothing happens would prove nothing.
      if (to - from >= 100) expect(Math.min(failovers, restarts, failsafes)).toBeGreaterThan((to - from) / 10);
    });
  }

  test.each(regressionSeeds)("seed $seed stays mended: $defect", async ({ seed, faults }) => {
    const result = await runHistory(seed, faults === undefined ? {} : { faults });
    expect(result.violation, tale(result)).toBeNull();
  });

  test.each([
    ["comes and goes", ["all of etcd is lost", "a member of etcd is lost", "etcd flaps"]],
    ["is slow and leaves changes in doubt", ["etcd is slow", "nobody learns what etcd did"]],
  ])("etcd that %s never stops traffic while all else is well", { timeout: 600_000 }, async (_how, faults) => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const result = await runHistory(seed, { faults });
      expect(result.violation, tale(result)).toBeNull();
      expect(result.failovers, tale(result)).toBe(0);
      expect(result.refused, tale(result)).toBe(0);
    }
  });

  test("the same seed gives the same history", async () => {
    const [once, again] = [await runHistory(33), await runHistory(33)];
    expect(again.log).toEqual(once.log);
  });
});
