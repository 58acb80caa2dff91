import { describe, test } from "vitest";
import { threeSites } from "../world/layout.ts";
import { soundHistory, testHistories } from "./suite.ts";

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
      await soundHistory(threeSites, seed, faults);
    }
  });
});
