import { describe, expect, test } from "vitest";
import {
  answerFailsafe,
  blockerBeforeAsking,
  blockerInAnswers,
  type FailsafeAnswer,
  type PeerAnswer,
} from "../../watchdog/core/failsafe.ts";
import { majorityKnows, majorityPresent, majoritySees } from "../../watchdog/core/rules/conditions/majority.ts";
import type { HealthState } from "../../watchdog/core/state/health.ts";
import type { WatchdogReport } from "../../watchdog/core/state/report.ts";
import { siteReports } from "../../watchdog/core/state/sites.ts";
import { closing, config, etcd, NOW_MS, observations, promoting, serving } from "./core-fixtures.ts";

const names = ["gra", "bhs", "witness"] as const;
const watchdogs = names.map((name) => ({
  name,
  site: name,
  router: name === "witness" ? null : name,
  failsafeUrl: `https://${name}:9443`,
}));
const LEASE_TTL_MS = 10_000;
const question = { watchdog: "gra", epoch: 4, validForMs: LEASE_TTL_MS };
const record = serving({ epoch: 4, watchdogs });
const self = (newest: Parameters<typeof answerFailsafe>[1]["newest"]) => ({
  name: "bhs",
  newest,
  leaseTtlMs: LEASE_TTL_MS,
});

describe("a failsafe grant", () => {
  test("is given for the epoch that the watchdog knows itself, with all members that it knows", () => {
    expect(answerFailsafe(question, self(record))).toEqual({
      agrees: true,
      watchdog: "bhs",
      active: "gra",
      known: ["gra", "bhs", "witness"],
    });
  });

  test.each([
    ["knows no record", null],
    ["knows a higher epoch", serving({ epoch: 5, watchdogs })],
    ["knows a lower epoch", serving({ epoch: 3, watchdogs })],
    ["knows that the region is being closed", closing({ epoch: 4, watchdogs })],
    ["knows that the other region is being promoted", promoting({ epoch: 4, watchdogs })],
    ["does not know the watchdog that asks", serving({ epoch: 4, watchdogs: watchdogs.slice(1) })],
  ])("is refused by a watchdog that %s", (_why, newest) => {
    expect(answerFailsafe(question, self(newest)).agrees).toBe(false);
  });

  test("is refused for longer than the watchdog's own leases are valid", () => {
    const longer = { ...question, validForMs: LEASE_TTL_MS + 1 };
    expect(answerFailsafe(longer, self(record))).toMatchObject({ agrees: false, reason: /leases.ttlMs differs/ });
  });
});

describe("a router without the store", () => {
  const agrees = (watchdog: string, changes: Partial<Extract<FailsafeAnswer, { agrees: true }>> = {}): PeerAnswer => ({
    watchdog,
    answer: { agrees: true, watchdog, active: "gra", known: [...names], ...changes },
    error: null,
  });
  const all = [agrees("bhs"), agrees("witness")];

  test("stays open when every other member agrees", () => {
    expect(blockerBeforeAsking(record, "gra", null)).toBeNull();
    expect(blockerInAnswers(record, "gra", all)).toBeNull();
  });

  test.each<[string, readonly PeerAnswer[], RegExp]>([
    ["one was not asked", [agrees("bhs")], /witness does not answer/],
    [
      "one does not answer",
      [agrees("bhs"), { watchdog: "witness", answer: null, error: "no answer within 1000 ms" }],
      /witness does not answer: no answer within/,
    ],
    [
      "one knows a higher epoch",
      [
        agrees("bhs"),
        {
          watchdog: "witness",
          answer: { agrees: false, watchdog: "witness", reason: "knows epoch 5, not 4" },
          error: null,
        },
      ],
      /witness knows epoch 5/,
    ],
    [
      "one has another active region",
      [agrees("bhs"), agrees("witness", { active: "bhs" })],
      /has bhs as the active region/,
    ],
    [
      "one knows a member that was not asked",
      [agrees("bhs", { known: [...names, "new"] }), agrees("witness")],
      /knows the member new/,
    ],
    [
      "one answers at the address of another",
      [agrees("bhs"), { ...agrees("witness"), answer: agrees("bhs").answer }],
      /address of witness is answered by bhs/,
    ],
  ])("closes when %s", (_why, answers, expected) => {
    expect(blockerInAnswers(record, "gra", answers)).toMatch(expected);
  });

  test("asks no member under a record that is not serving or does not list it, or while the active region does not answer", () => {
    expect(blockerBeforeAsking(null, "gra", null)).toMatch(/no record/);
    expect(blockerBeforeAsking(closing(), "gra", null)).toMatch(/closing/);
    expect(blockerBeforeAsking(record, "new", null)).toMatch(/not registered yet/);
    expect(blockerBeforeAsking(record, "gra", "no node answers")).toBe("no node answers");
  });
});

describe("sites", () => {
  const report = (watchdog: string, site: string, gra: HealthState, epoch: number | null = null): WatchdogReport => ({
    watchdog,
    site,
    regions: { gra: { state: gra, failuresInARow: 0, successesInARow: 0, reason: "" } },
    atMs: NOW_MS,
    epoch,
    copy: null,
  });

  test.each<[HealthState, HealthState, HealthState]>([
    ["unhealthy", "unhealthy", "unhealthy"],
    ["unhealthy", "healthy", "suspect"],
    ["recovering", "healthy", "suspect"],
    ["unknown", "healthy", "healthy"],
    ["unhealthy", "unknown", "unhealthy"],
  ])("whose two watchdogs report %s and %s count as %s", (one, other, expected) => {
    const views = siteReports([report("a", "bhs", one, 3), report("b", "bhs", other, 4)]);
    expect(views).toMatchObject([{ site: "bhs", regions: { gra: expected }, epoch: 4 }]);
  });

  test.each<[HealthState, number | undefined, HealthState, number | undefined, number | undefined]>([
    ["unhealthy", 90_000, "unhealthy", 30_000, 30_000],
    ["unhealthy", 90_000, "unknown", undefined, 90_000],
    ["unhealthy", 90_000, "healthy", undefined, 0],
    ["unknown", undefined, "unknown", undefined, undefined],
  ])("whose two watchdogs report %s for %s ms and %s for %s ms have lost a region for %s ms", (...reported) => {
    const [one, oneMs, other, otherMs, expected] = reported;
    const told = (watchdog: string, state: HealthState, failingForMs?: number) => {
      const gra = { state, failuresInARow: 0, successesInARow: 0, reason: "" };
      const failing = failingForMs === undefined ? {} : { failingForMs };
      return { ...report(watchdog, "bhs", state), regions: { gra: { ...gra, ...failing } } };
    };
    expect(siteReports([told("a", one, oneMs), told("b", other, otherMs)])[0]?.failingForMs?.["gra"]).toBe(expected);
  });

  test.each<[readonly string[] | null, readonly string[] | null, readonly string[] | null]>([
    [["u1", "u2"], ["u2", "u3"], ["u2"]],
    [["u1"], null, null],
    [null, ["u1"], null],
  ])("whose two watchdogs see the leaders of %j and %j deleted see those of %j so", (one, other, expected) => {
    const reports = [one, other].map((deletedLeaders, n) => ({
      ...report(`watchdog-${n}`, "bhs", "healthy"),
      deletedLeaders: deletedLeaders === null ? null : [...deletedLeaders],
    }));
    expect(siteReports(reports)[0]?.deletedLeaders).toEqual(expected);
  });

  const several = { ...config, store: etcd };
  const siteReport = (site: string, gra: HealthState, epoch = 0) => ({
    site,
    regions: { gra, bhs: "healthy" as const },
    epoch,
  });
  const situation = (sites: readonly ReturnType<typeof siteReport>[], now = closing({ epoch: 5, watchdogs })) => ({
    record: now,
    seen: observations({ sites, routers: [] }),
    nowMs: NOW_MS,
    config: several,
  });

  test("without a report count against a majority", () => {
    expect(majoritySees(situation([siteReport("bhs", "unhealthy")]), "gra", "unhealthy")).toMatch(
      /gra is unhealthy for 1 of the 2 sites required \(gra: no report, bhs: unhealthy, witness: no report\)/,
    );
    expect(
      majoritySees(situation([siteReport("bhs", "unhealthy"), siteReport("witness", "unhealthy")]), "gra", "unhealthy"),
    ).toBeNull();
    expect(majorityPresent(situation([siteReport("bhs", "unhealthy")]))).toMatch(/no report from gra and witness/);
    expect(majorityPresent(situation([siteReport("bhs", "unhealthy"), siteReport("gra", "healthy")]))).toBeNull();
  });

  test("a majority of which knows an epoch, by report or because its router has acknowledged it", () => {
    const reports = [siteReport("bhs", "unhealthy", 5), siteReport("witness", "unhealthy", 4)];
    expect(majorityKnows(situation(reports))).toMatch(/epoch 5 is not known to gra and witness/);
    expect(
      majorityKnows(situation([siteReport("bhs", "unhealthy", 5), siteReport("witness", "unhealthy", 5)])),
    ).toBeNull();
    const acknowledged = situation(reports);
    const routers = [{ router: "gra", acknowledgedEpoch: 5 }];
    expect(majorityKnows({ ...acknowledged, seen: { ...acknowledged.seen, routers } })).toBeNull();
  });
});
