import { describe, expect, test } from "vitest";
import { watchdogsSection } from "../../watchdog/cli/output/watchdogs.ts";
import { unknownHealth } from "../../watchdog/core/state/health.ts";
import { NOW_MS } from "./core-fixtures.ts";

const health = (state: "healthy" | "unhealthy") => ({ state, failuresInARow: 0, successesInARow: 3, reason: "" });
const sighting = (watchdog: string, site: string, gra: "healthy" | "unhealthy") => ({
  watchdog,
  site,
  regions: { gra: health(gra), bhs: health("healthy") },
  atMs: NOW_MS - 500,
  epoch: 1,
  copy: null,
});
const member = (name: string, site: string, router: string | null = name) => ({
  name,
  site,
  router,
  failsafeUrl: `https://${name}:9443`,
});

const status = {
  name: "bhs-hap-1",
  nowMs: NOW_MS,
  regions: ["gra", "bhs"].map((region) => ({ region, role: "active", health: unknownHealth, licence: null }) as const),
  sightings: [sighting("bhs-hap-1", "bhs", "unhealthy"), sighting("wit-1", "witness", "healthy")],
  leadership: { leading: false, leader: "wit-1", error: null },
  watchdogs: [member("bhs-hap-1", "bhs"), member("gra-hap-1", "gra"), member("wit-1", "witness", null)],
  silence: { "gra-hap-1": 7_200_000 },
  leases: [{ router: "bhs-hap-1", acknowledgedEpoch: 4 }],
  failsafe: null,
};

describe("the watchdogs in status", () => {
  test("each shows its report, whether it is silent, the controller, and the router leases", () => {
    expect(watchdogsSection(status)).toBe(
      [
        "Watchdogs",
        "  WATCHDOG   SITE     REPORTED        GRA HEALTH  BHS HEALTH  ROUTER LEASE",
        "  bhs-hap-1  bhs      500 ms ago      unhealthy   healthy     epoch 4       this one",
        "  gra-hap-1  gra      SILENT for 2 h  ?           ?           none",
        "  wit-1      witness  500 ms ago      healthy     healthy     no router     controller",
      ].join("\n"),
    );
  });

  test("a single watchdog has no section", () => {
    expect(watchdogsSection({ ...status, watchdogs: [], sightings: status.sightings.slice(0, 1) })).toBe("");
  });

  test("an unreachable store is named, with the outcome of failsafe", () => {
    const failsafe = {
      lastAskedAtMs: NOW_MS - 2_000,
      fault: "gra-hap-1 does not answer",
      answers: [
        { watchdog: "gra-hap-1", agrees: false, reason: "no answer" },
        { watchdog: "wit-1", agrees: true, reason: null },
      ],
      promisedForMs: 8_000,
    };
    const leadership = { leading: false, leader: null, error: "etcd does not answer" };
    const text = watchdogsSection({ ...status, leadership, leases: null, failsafe });
    expect(text).toContain("The controller is unknown: etcd does not answer");
    expect(text).toMatch(/grant +promotes nothing for another 8\.0 s/);
    expect(text).toMatch(/last request +2\.0 s ago: its router had to close: gra-hap-1 does not answer/);
    expect(text).toMatch(/gra-hap-1 +refused: no answer\n +wit-1 +granted/);
    expect(watchdogsSection({ ...status, leadership: { ...leadership, error: null } })).toContain(
      "There is no controller",
    );
  });
});
