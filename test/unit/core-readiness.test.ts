import { describe, expect, test } from "vitest";
import { readiness } from "../../watchdog/core/readiness.ts";
import { closing, config, NOW_MS, observations, serving } from "./core-fixtures.ts";

const ask = (record = serving(), seen = observations()) => readiness({ record, seen, nowMs: NOW_MS }, config);

describe("readiness", () => {
  test("holds while the loss of the active region would lead to a failover", () => {
    expect(ask()).toEqual({
      ready: true,
      explanation: expect.stringMatching(/^if gra were lost now, the other region would take over, in \d+ steps$/),
    });
  });

  test.each([
    ["the standby is not in sync", serving({ standby: "following", inSyncAtMs: null }), "refuse-not-in-sync"],
    [
      "automatic failovers are paused",
      serving({ paused: { sinceMs: 1, by: "anna", reason: "test" } }),
      "refuse-paused",
    ],
    ["a failover was a short while ago", serving({ blockedUntilMs: NOW_MS + 3_600_000 }), "refuse-block-period"],
  ])("does not hold while %s, and names the rule", (_why, record, rule) => {
    expect(ask(record)).toEqual({ ready: false, explanation: expect.stringContaining(rule) });
  });

  test("does not hold while the standby is not well", () => {
    const { health, ...seen } = observations();
    const bhs = health["bhs"];
    if (bhs === undefined) throw new Error("the fixture has no bhs");
    const unwell = { ...seen, health: { ...health, bhs: { ...bhs, state: "unhealthy" as const } } };
    const sites = seen.sites.map((site) => ({ ...site, regions: { ...site.regions, bhs: "unhealthy" as const } }));
    expect(ask(serving(), { ...unwell, sites })).toMatchObject({ ready: false });
  });

  test("is not told during a change, nor by a watchdog that is not the controller", () => {
    expect(readiness({ record: closing(), seen: observations(), nowMs: NOW_MS }, config)).toBeNull();
    const follower = { ...observations(), leadership: { leading: false, leader: "w-1", error: null } };
    expect(ask(serving(), follower)).toBeNull();
  });
});
