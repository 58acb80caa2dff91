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

describe("a watchdog's word in failsafe", () => {
  test("is given for the epoch that it knows itself, with all whom it knows", () => {
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
    ["does not know the one that asks", serving({ epoch: 4, watchdogs: watchdogs.slice(1) })],
  ])("is refused when it %s", (_why, newest) => {
    expect(answerFailsafe(question, self(newest)).agrees).toBe(false);
  });

  test("is refused for longer than its own leases last", () => {
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

  test("goes on when every other watchdog agrees", () => {
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
      "one knows better",
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
      "one takes the other region for active",
      [agrees("bhs"), agrees("witness", { active: "bhs" })],
      /takes bhs for active/,
    ],
    [
      "one knows somebody who was not asked",
      [agrees("bhs", { known: [...names, "new"] }), agrees("witness")],
      /knows of new/,
    ],
    [
      "one speaks for another",
      [agrees("bhs"), { ...agrees("witness"), answer: agrees("bhs").answer }],
      /it is bhs that answers/,
    ],
  ])("does not go on when %s", (_why, heard, says) => {
    expect(blockerInAnswers(record, "gra", heard)).toMatch(says);
  });

  test("asks nobody under a record that does not serve or know it, or while the active region does not answer it", () => {
    expect(blockerBeforeAsking(null, "gra", null)).toMatch(/no record/);
    expect(blockerBeforeAsking(closing(), "gra", null)).toMatch(/closing/);
    expect(blockerBeforeAsking(record, "new", null)).toMatch(/does not know this watchdog/);
    expect(blockerBeforeAsking(record, "gra", "gra is not well")).toBe("gra is not well");
  });
});

describe("sites", () => {
  const sighting = (watchdog: string, site: string, gra: HealthState, epoch: number | null = null): WatchdogReport => ({
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
  ])("whose two watchdogs see %s and %s say %s", (one, other, said) => {
    const views = siteReports([sighting("a", "bhs", one, 3), sighting("b", "bhs", other, 4)]);
    expect(views).toEqual([{ site: "bhs", regions: { gra: said }, epoch: 4 }]);
  });

  const several = { ...config, store: etcd };
  const view = (site: string, gra: HealthState, epoch = 0) => ({
    site,
    regions: { gra, bhs: "healthy" as const },
    epoch,
  });
  const situation = (sites: readonly ReturnType<typeof view>[], now = closing({ epoch: 5, watchdogs })) => ({
    record: now,
    seen: observations({ sites, routers: [] }),
    nowMs: NOW_MS,
    config: several,
  });

  test("that are not heard from count as votes against", () => {
    expect(majoritySees(situation([view("bhs", "unhealthy")]), "gra", "unhealthy")).toMatch(
      /1 of the 2 sites needed \(gra: not heard from, bhs: unhealthy, witness: not heard from\)/,
    );
    expect(
      majoritySees(situation([view("bhs", "unhealthy"), view("witness", "unhealthy")]), "gra", "unhealthy"),
    ).toBeNull();
    expect(majorityPresent(situation([view("bhs", "unhealthy")]))).toMatch(/gra and witness are not heard from/);
    expect(majorityPresent(situation([view("bhs", "unhealthy"), view("gra", "healthy")]))).toBeNull();
  });

  test("a majority of which knows an epoch: by its own word, or because its router has acknowledged it", () => {
    const heard = [view("bhs", "unhealthy", 5), view("witness", "unhealthy", 4)];
    expect(majorityKnows(situation(heard))).toMatch(/gra and witness do not know of epoch 5/);
    expect(majorityKnows(situation([view("bhs", "unhealthy", 5), view("witness", "unhealthy", 5)]))).toBeNull();
    const acknowledged = situation(heard);
    const routers = [{ router: "gra", acknowledgedEpoch: 5 }];
    expect(majorityKnows({ ...acknowledged, seen: { ...acknowledged.seen, routers } })).toBeNull();
  });
});
