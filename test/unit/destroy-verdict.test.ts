import { describe, expect, test } from "vitest";
import { type Roles, verdictOn } from "../../infra/destroy/verdict.ts";

const serving = (active: string, standby = "in-sync"): Roles => ({ phase: "serving", epoch: 4, active, standby });
const verdict = (roles: Roles | null, { site = "gra", activeToo = false } = {}) =>
  verdictOn({ site, roles, activeToo });

describe("a stack may be destroyed", () => {
  test("when the other region is active, and it is told that nothing can fail over then", () => {
    expect(verdict(serving("bhs"))).toEqual({
      refusal: null,
      consequence: "bhs is active and goes on serving; until gra is built again and in sync, nothing can fail over",
    });
  });

  test("when it is the witness, whatever the watchdogs tell", () => {
    for (const roles of [null, serving("gra")]) {
      expect(verdict(roles, { site: "witness" })).toMatchObject({
        refusal: null,
        consequence: expect.stringContaining("etcd"),
      });
    }
  });
});

describe("a stack is refused, unless the operator writes --active-too", () => {
  test.each<[string, Roles | null, RegExp]>([
    ["when it is the active region", serving("gra"), /gra is the active region: `es-failover switchover` to the other/],
    ["when no watchdog answers", null, /no watchdog tells which region is active/],
    [
      "while a change is under way",
      { phase: "closing", epoch: 5, from: "gra", to: "bhs" },
      /a change from gra to bhs is under way \(closing\): wait/,
    ],
  ])("%s", (_when, roles, refusal) => {
    expect(verdict(roles).refusal).toMatch(refusal);
    expect(verdict(roles, { activeToo: true }).refusal).toBeNull();
  });

  test("and told what the loss of the active region means, by whether the other one is in sync", () => {
    expect(verdict(serving("gra"), { activeToo: true }).consequence).toContain("the other region takes over");
    expect(verdict(serving("gra", "following"), { activeToo: true }).consequence).toContain(
      "the other region is following, not in-sync: it does not take over by itself",
    );
  });
});
