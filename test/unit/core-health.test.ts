import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planRepair } from "../../watchdog/core/plans/repair.ts";
import type { ClusterProbe } from "../../watchdog/core/state/cluster.ts";
import {
  indicesInWork,
  observeProbe,
  probeFailure,
  type RegionHealth,
  unknownHealth,
} from "../../watchdog/core/state/health.ts";
import { closing, promoting, serving } from "./core-fixtures.ts";

const thresholds = { failThreshold: 3, recoveryThreshold: 5 };
const good: ClusterProbe = {
  reachable: true,
  clusterUuid: "u",
  version: "9.5.3",
  master: "node-1",
  status: "green",
  redIndices: [],
  copyingIndices: [],
  nodes: 3,
};
const bad: ClusterProbe = { reachable: false, kind: "unreachable", error: "connection refused" };

/** Folds probes, one per second: "+" is a good one, "-" a failed one. */
const fold = (probes: string, from: RegionHealth = unknownHealth) =>
  [...probes].reduce((health, sign, n) => observeProbe(health, sign === "+" ? good : bad, n * 1000, thresholds), from);

describe("a region's health", () => {
  test.each([
    ["", "unknown"],
    ["+", "healthy"],
    ["-", "suspect"],
    ["+--", "suspect"],
    ["+---", "unhealthy"],
    ["---", "unhealthy"],
    ["+--+--+--", "suspect"],
    ["---+", "recovering"],
    ["---++++", "recovering"],
    ["---+++++", "healthy"],
    ["---++++-", "unhealthy"],
    ["---++++-++++", "recovering"],
  ])("after %s it is %s", (probes, state) => {
    expect(fold(probes).state).toBe(state);
  });

  test.each<[string, ClusterProbe, RegExp | null]>([
    ["green", good, null],
    ["yellow", { ...good, status: "yellow" }, null],
    ["red", { ...good, status: "red", redIndices: ["logs-1", "logs-2"] }, /without a primary: logs-1, logs-2/],
    ["without a master", { ...good, master: null }, /no elected master/],
    ["unreachable", bad, /no node answers: connection refused/],
  ])("a cluster that is %s", (_what, probe, failure) => {
    if (failure === null) expect(probeFailure(probe)).toBeNull();
    else expect(probeFailure(probe)).toMatch(failure);
  });

  test("gives a reason that counts towards the next change of state", () => {
    expect(fold("+--").reason).toBe("no node answers: connection refused (2 of 3 failed checks in a row)");
    expect(fold("---++").reason).toBe("answers again (2 of 5 good checks in a row)");
  });

  test("keeps the time of the last good probe and of the last change of state", () => {
    expect(fold("++---")).toMatchObject({ lastGoodAtMs: 1000, lastProbeAtMs: 4000, sinceMs: 4000 });
  });

  test("becomes unhealthy only by a run of failures, and healthy again only by a run of good probes", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("+", "-"), { maxLength: 40 }), (signs) => {
        const probes = signs.join("");
        const before = fold(probes.slice(0, -1));
        const after = fold(probes);
        if (before.state !== "unhealthy" && before.state !== "recovering" && after.state === "unhealthy") {
          expect(probes).toMatch(/---$/);
        }
        if ((before.state === "unhealthy" || before.state === "recovering") && after.state === "healthy") {
          expect(probes).toMatch(/\+{5}$/);
        }
      }),
    );
  });

  test.each(["", "+", "---", "--", "---++"])("after %s refusing the watchdog's password changes nothing", (probes) => {
    const before = fold(probes);
    const refused: ClusterProbe = { reachable: false, kind: "unauthorized", error: "unable to authenticate user" };
    const after = [1, 2, 3, 4, 5, 6].reduce((health) => observeProbe(health, refused, 60_000, thresholds), before);
    const { state, failuresInARow, successesInARow, sinceMs, lastGoodAtMs } = before;
    expect(after).toMatchObject({ state, failuresInARow, successesInARow, sinceMs, lastGoodAtMs, lastProbe: refused });
    expect(after.reason).toMatch(/refuses this watchdog's user or password: unable to authenticate.*not counted/);
  });

  const red: ClusterProbe = { ...good, status: "red", redIndices: ["logs-1"] };

  test("is not changed by indices that its own promotion has closed", () => {
    const after = [1, 2, 3, 4].reduce((health) => observeProbe(health, red, 60_000, thresholds, "all"), fold("+"));
    expect(after).toMatchObject({ state: "healthy", failuresInARow: 0, reason: "red, 3 nodes" });
    expect(observeProbe(after, red, 61_000, thresholds)).toMatchObject({ state: "suspect", failuresInARow: 1 });
  });

  test.each<[string, ClusterProbe]>([
    ["does not answer", bad],
    ["has lost its master", { ...red, master: null }],
  ])("suffers from a promotion's region that %s as from any other", (_what, probe) => {
    const after = [1, 2, 3].reduce((health) => observeProbe(health, probe, 60_000, thresholds, "all"), fold("+"));
    expect(after.state).toBe("unhealthy");
  });

  test("names the first of many red indices and counts the others", () => {
    const redIndices = Array.from({ length: 12 }, (_, n) => `logs-${n}`);
    expect(probeFailure({ ...red, redIndices })).toMatch(/: logs-0, logs-1, .*, logs-9 and 2 more$/);
  });

  test("is not changed by an index that a repair has closed, but by any other", () => {
    const look = (inWork: readonly string[]) =>
      [1, 2, 3].reduce((health) => observeProbe(health, red, 60_000, thresholds, inWork), fold("+")).state;
    expect(look(["logs-1", "logs-2"])).toBe("healthy");
    expect(look(["logs-2"])).toBe("unhealthy");
    const unnamed: ClusterProbe = { ...good, status: "red", redIndices: [] };
    expect(observeProbe(fold("+"), unnamed, 60_000, thresholds, ["logs-1"]).state).toBe("suspect");
  });

  test("excuses only the indices of the plan under way, in its region", () => {
    expect(indicesInWork(promoting(), "bhs")).toBe("all");
    expect(indicesInWork(promoting(), "gra")).toEqual([]);
    const repairing = serving({
      plan: planRepair({ strays: ["logs-2", "logs-1"], copies: [], blocked: ["logs-3"] }, 0),
    });
    expect(indicesInWork(repairing, "gra")).toEqual(["logs-1", "logs-2"]);
    expect(indicesInWork(repairing, "bhs")).toEqual([]);
    for (const record of [null, serving(), closing()]) expect(indicesInWork(record, "gra")).toEqual([]);
  });
});
