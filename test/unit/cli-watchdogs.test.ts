import { describe, expect, test } from "vitest";
import { watchdogsSection } from "../../watchdog/cli/output/watchdogs.ts";
import { unknownHealth } from "../../watchdog/core/state/health.ts";
import { NOW_MS } from "./core-fixtures.ts";

const sees = (state: "healthy" | "unhealthy") => ({ state, failuresInARow: 0, successesInARow: 3, reason: "" });
const sighting = (watchdog: string, site: string, gra: "healthy" | "unhealthy") => ({
  watchdog,
  site,
  regions: { gra: sees(gra), bhs: sees("healthy") },
  atMs: NOW_MS - 500,
  epoch: 1,
  copy: null,
});
const known = (name: string, site: string, router: string | null = name) => ({
  name,
  site,
  router,
  failsafeUrl: `https://${name}:9443`,
});

const status = {
  name: "bhs-hap-1",
  nowMs: NOW_MS,
  regions: ["gra", "bhs"].map((region) => ({ region, role: "active", health: unknownHealth }) as const),
  sightings: [sighting("bhs-hap-1", "bhs", "unhealthy"), sighting("wit-1", "witness", "healthy")],
  leadership: { leading: false, leader: "wit-1", error: null },
  watchdogs: [known("bhs-hap-1", "bhs"), known("gra-hap-1", "gra"), known("wit-1", "witness", null)],
  leases: [{ router: "bhs-hap-1", acknowledgedEpoch: 4 }],
  failsafe: null,
};

describe("the watchdogs in status", () => {
  test("each shows what it sees, who is silent, who decides, and whose router may route", () => {
    expect(watchdogsSection(status)).toBe(
      [
        "Watchdogs",
        "  WATCHDOG   SITE     HEARD       SEES GRA   SEES BHS  ROUTER LEASE",
        "  bhs-hap-1  bhs      500 ms ago  unhealthy  healthy   epoch 4       this one",
        "  gra-hap-1  gra      SILENT      ?          ?         none",
        "  wit-1      witness  500 ms ago  healthy    healthy   no router     decides",
      ].join("\n"),
    );
  });

  test("one that stands alone has nothing to say of others", () => {
    expect(watchdogsSection({ ...status, watchdogs: [], sightings: status.sightings.slice(0, 1) })).toBe("");
  });

  test("that cannot reach the others says so, and what failsafe came to", () => {
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
    expect(text).toContain("Who decides is not known: etcd does not answer");
    expect(text).toMatch(/bound +promotes nothing for another 8\.0 s/);
    expect(text).toMatch(/last asked +2\.0 s ago: its router could not go on: gra-hap-1 does not answer/);
    expect(text).toMatch(/gra-hap-1 +did not agree: no answer\n +wit-1 +agreed/);
    expect(watchdogsSection({ ...status, leadership: { ...leadership, error: null } })).toContain("Nobody decides");
  });
});
