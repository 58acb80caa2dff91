import { describe, expect, test } from "vitest";
import { runHistory } from "./one-site.ts";
import { regressionSeeds } from "./one-site-regressions.ts";
import { historySeeds } from "./seeds.ts";

const { blocks, tale } = historySeeds("ES_FAILOVER_HISTORIES", 7_500);

describe("one watchdog, one router, two regions, on virtual time", () => {
  for (const { from, to } of blocks) {
    test(`every invariant holds in the histories of seeds ${from} to ${to}`, { timeout: 3_600_000 }, async () => {
      let acknowledged = 0;
      let failovers = 0;
      let restarts = 0;
      let switchovers = 0;
      let rejoined = 0;
      for (let seed = from; seed <= to; seed += 1) {
        const result = await runHistory(seed);
        expect(result.violation, tale(result)).toBeNull();
        acknowledged += result.acknowledged;
        failovers += result.failovers;
        restarts += result.restarts;
        switchovers += result.switchovers;
        rejoined += result.rejoined ? 1 : 0;
      }
      console.log(
        `seeds ${from} to ${to}: ${failovers} failovers, ${switchovers} switchovers, ${rejoined} with a former primary back, ` +
          `${restarts} restarts of the watchdog, ${acknowledged} acknowledged writes`,
      );
      // Histories in which nothing happens would prove nothing.
      if (to - from >= 100) {
        expect(Math.min(failovers, restarts, rejoined)).toBeGreaterThan((to - from) / 10);
        expect(switchovers).toBeGreaterThan((to - from) / 25);
      }
    });
  }

  test.each(regressionSeeds)("seed $seed stays mended: $defect", async ({ seed }) => {
    const result = await runHistory(seed);
    expect(result.violation, tale(result)).toBeNull();
  });

  test("the same seed gives the same history", async () => {
    const [once, again] = [await runHistory(33), await runHistory(33)];
    expect(again.log).toEqual(once.log);
  });
});
