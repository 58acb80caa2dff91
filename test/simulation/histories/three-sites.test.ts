import { describe, expect, test } from "vitest";
import { threeSites } from "../world/layout.ts";
import { soundHistory, testHistories } from "./suite.ts";
import { tale } from "./tale.ts";

/** Open defect: with etcd slow twice at once, entries refuse requests in these. Their own test turns red once one is repaired. */
const OPEN_SEEDS: readonly number[] = [47, 55];

describe("three watchdogs, two routers and etcd, on virtual time", () => {
  testHistories({
    layout: threeSites,
    variable: "ES_FAILOVER_SITES_HISTORIES",
    usual: 2_500,
    often: ["failovers", "restarts", "rejoined", "failsafeGrants"],
    sometimes: ["switchovers"],
  });

  test.each([
    ["comes and goes", ["all of etcd is lost", "a member of etcd is lost", "etcd flaps"]],
    ["is slow and leaves outcomes unknown", ["etcd is slow", "changes of etcd have unknown outcomes"]],
  ])("etcd that %s never stops traffic while all else is well", { timeout: 600_000 }, async (_how, faults) => {
    for (let seed = 1; seed <= 60; seed += 1) {
      if (OPEN_SEEDS.includes(seed) && faults.includes("etcd is slow")) continue;
      const history = await soundHistory(threeSites, seed, faults);
      expect(history.failovers, tale(history)).toBe(0);
      expect(history.refused, tale(history)).toBe(0);
    }
  });

  test.fails.each(OPEN_SEEDS)(
    "OPEN DEFECT: etcd that is slow twice at once refuses no request (seed %i)",
    async (seed) => {
      const history = await soundHistory(threeSites, seed, ["etcd is slow", "changes of etcd have unknown outcomes"]);
      expect(history.refused, tale(history)).toBe(0);
    },
  );
});
