import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planRepair } from "../../watchdog/core/plans/repair.ts";
import type { ClusterProbe } from "../../watchdog/core/state/cluster.ts";
import {
  indicesInWork,
  observeProbe,
  type RegionHealth,
  stateByProbes,
  unknownHealth,
} from "../../watchdog/core/state/health.ts";
import { anyRedIndex, probeFailure } from "../../watchdog/core/state/probe-verdict.ts";
import { closing, goodProbe as good, promoting, serving } from "./core-fixtures.ts";

const thresholds = { failThreshold: 3, recoveryThreshold: 5, redIndices: { share: 0.25, required: [] as string[] } };
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
    if (failure === null) expect(probeFailure(probe, anyRedIndex)).toBeNull();
    else expect(probeFailure(probe, anyRedIndex)).toMatch(failure);
  });

  test("gives a reason that counts towards the next change of state", () => {
    expect(fold("+--").reason).toBe("no node answers: connection refused (2 of 3 failed checks in a row)");
    expect(fold("---++").reason).toBe("answers again (2 of 5 good checks in a row)");
  });

  test("keeps the time of the last good probe and of the last change of state", () => {
    expect(fold("++---")).toMatchObject({ lastGoodAtMs: 1000, lastProbeAtMs: 4000, sinceMs: 4000 });
  });

  test("keeps the time of the first failed probe in a row, also over those that prove nothing", () => {
    expect(fold("++---").failingSinceMs).toBe(2000);
    expect(fold("---+").failingSinceMs).toBeNull();
    const between = refuse(fold("+--"), 1);
    expect(observeProbe(between, bad, 61_000, thresholds).failingSinceMs).toBe(1000);
    // A canary that fails is no failed probe.
    expect(observeProbe(fold("+"), good, 60_000, thresholds, [], "refused").failingSinceMs).toBeNull();
  });

  test("is by its probes what they say, while its canaries fail", () => {
    const refused = [1, 2, 3].reduce(
      (health) => observeProbe(health, good, 60_000, thresholds, [], "refused"),
      fold("+"),
    );
    expect([refused.state, stateByProbes(refused)]).toEqual(["unhealthy", "healthy"]);
    const lost = [1, 2, 3].reduce((health) => observeProbe(health, bad, 61_000, thresholds), refused);
    expect([lost.state, stateByProbes(lost)]).toEqual(["unhealthy", "unhealthy"]);
    const back = observeProbe(lost, good, 62_000, thresholds, [], "refused");
    expect([back.state, stateByProbes(back)]).toEqual(["unhealthy", "recovering"]);
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

  const refused: ClusterProbe = { reachable: false, kind: "unauthorized", error: "unable to authenticate user" };
  const untrusted: ClusterProbe = { reachable: false, kind: "untrusted", error: "certificate has expired" };
  const refuse = (health: RegionHealth, times: number, probe = refused) =>
    Array.from({ length: times }).reduce<RegionHealth>((last) => observeProbe(last, probe, 60_000, thresholds), health);

  describe.each([
    [
      "refuses the watchdog's password",
      refused,
      /refuses this watchdog's user or password: unable to authenticate user/,
    ],
    [
      "has a certificate that is not trusted",
      untrusted,
      /has a certificate that this watchdog does not trust: .*expired/,
    ],
  ])("that %s", (_what, probe, sentence) => {
    test.each(["", "+", "---", "--", "---++"])("after %s counts as neither good nor failed", (probes) => {
      const before = fold(probes);
      const after = refuse(before, 2, probe);
      const { state, failuresInARow, successesInARow, lastGoodAtMs } = before;
      expect(after).toMatchObject({ state, failuresInARow, successesInARow, lastGoodAtMs, lastProbe: probe });
      expect(after.reason).toMatch(sentence);
      expect(after.reason).toMatch(/\(not counted, 2 of 3 in a row\)$/);
    });

    test.each(["", "+", "---", "--", "---++"])(
      "after %s is unknown at the threshold, for as long as it lasts",
      (probes) => {
        for (const times of [3, 4, 500]) {
          const after = refuse(fold(probes), times, probe);
          expect(after).toMatchObject({
            state: "unknown",
            inconclusiveInARow: times,
            problems: [after.reason.split(" (")[0]],
          });
          expect(after.reason).toMatch(/ \(whether it serves is not known: 3 checks in a row or more prove nothing\)$/);
        }
      },
    );
  });

  test.each([
    ["+", "+", "healthy"],
    ["+", "-", "suspect"],
    ["+", "---", "unhealthy"],
    ["---", "+", "recovering"],
    ["---", "-", "unhealthy"],
    ["---++", "+++", "healthy"],
    ["", "+", "healthy"],
  ])("after %s, then unknown, then %s is %s: it goes on where it was", (before, then, state) => {
    expect(fold(then, refuse(fold(before), 10))).toMatchObject({ state, inconclusiveInARow: 0 });
  });

  test("with a lapsed licence is healthy, and its problem is named", () => {
    const after = observeProbe(fold("+"), { ...good, licenceLapsed: true }, 60_000, thresholds);
    expect(after).toMatchObject({ state: "healthy", problems: [expect.stringContaining("licence has lapsed")] });
    expect(after.reason).toMatch(/^green, 3 nodes; its licence has lapsed/);
  });

  test("that refuses writes is healthy, and its problem is named", () => {
    const full = observeProbe(fold("+"), { ...good, floodedIndices: ["logs-1", "logs-2"] }, 60_000, thresholds);
    const sentence = "a disk is past the flood-stage watermark, so writes are refused by logs-1, logs-2";
    expect(full).toMatchObject({ state: "healthy", problems: [sentence] });
    const blocked = { ...good, clusterBlocks: ["cluster read-only (api)"] };
    expect(observeProbe(fold("+"), blocked, 60_000, thresholds).problems).toEqual([
      "it refuses every write: cluster read-only (api)",
    ]);
  });

  const red: ClusterProbe = { ...good, status: "red", redIndices: ["logs-1"] };

  describe("with managed indices without a primary", () => {
    const of = (redIndices: readonly string[], policy: Partial<typeof thresholds.redIndices> = {}) => {
      const probe: ClusterProbe = { ...good, status: "red", managedIndices: 8, redIndices };
      return observeProbe(fold("+"), probe, 60_000, {
        ...thresholds,
        redIndices: { ...thresholds.redIndices, ...policy },
      });
    };

    test("is healthy below the share, and names them as a problem", () => {
      expect(of(["logs-1"])).toMatchObject({ state: "healthy", problems: [expect.stringContaining("logs-1")] });
      expect(of(["logs-1"]).reason).toMatch(/^red, 3 nodes; .*without a primary: logs-1 \(unhealthy from 2 of 8 on\)$/);
    });

    test("has failed a check from the share on, and from one on where the share is 0", () => {
      expect(of(["logs-1", "logs-2"])).toMatchObject({ state: "suspect", problems: [] });
      expect(of(["logs-1"], { share: 0 }).state).toBe("suspect");
    });

    test("has failed a check for a single required one, by pattern or by the name of its data stream", () => {
      expect(of(["logs-1"], { required: ["orders*", "logs-*"] }).state).toBe("suspect");
      expect(of([".ds-events-2030.01.01-000001"], { required: ["events"] }).state).toBe("suspect");
      expect(of(["logs-1"], { required: ["orders*"] }).state).toBe("healthy");
      expect(of(["logs-1", "orders"], { share: 1, required: ["orders*"] }).reason).toContain(
        "without a primary: orders (",
      );
    });

    test("is not excused by those that its own plan has closed, but they do not count either", () => {
      const probe: ClusterProbe = { ...good, status: "red", managedIndices: 8, redIndices: ["logs-1", "logs-2"] };
      expect(observeProbe(fold("+"), probe, 60_000, thresholds, ["logs-2"])).toMatchObject({
        state: "healthy",
        problems: [expect.stringContaining("without a primary: logs-1 (")],
      });
    });
  });

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
    expect(probeFailure({ ...red, redIndices }, anyRedIndex)).toMatch(/: logs-0, logs-1, .*, logs-9 and 2 more$/);
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
      plan: planRepair({ strays: ["logs-2", "logs-1"], copies: [], blocked: ["logs-3"], joining: [] }, 0),
    });
    expect(indicesInWork(repairing, "gra")).toEqual(["logs-1", "logs-2"]);
    expect(indicesInWork(repairing, "bhs")).toEqual([]);
    for (const record of [null, serving(), closing()]) expect(indicesInWork(record, "gra")).toEqual([]);
  });
});
