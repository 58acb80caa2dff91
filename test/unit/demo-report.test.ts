import { describe, expect, test } from "vitest";
import { parseLine } from "../../lab/demo/journals.ts";
import { sectionTable } from "../../lab/demo/report.ts";
import { accountOf, type ReadBacks } from "../../lab/demo/round-trip/account.ts";
import type { FailoverRun } from "../../lab/demo/round-trip/failover.ts";
import { sectionsOf } from "../../lab/demo/round-trip/report.ts";
import type { RoundTrip } from "../../lab/demo/round-trip/result.ts";
import { failoverViolations, roundTripViolations } from "../../lab/demo/round-trip/violations.ts";

const run: FailoverRun = {
  cutAtMs: 10_000,
  firstWriteAtMs: 18_500,
  writesFailed: 4,
  readsFailed: 2,
  writesAcknowledged: 100,
  found: 97,
  missing: 3,
  failover: {
    from: "gra",
    to: "bhs",
    automatic: true,
    cause: "no node of gra answers",
    startedAtMs: 13_000,
    finishedAtMs: 18_000,
    checkpoints: [],
    missingIndices: [],
    leftOut: [],
    deletedBefore: [],
    keptBlocks: [],
    kind: "failover",
    uuids: [],
    rejoinedAtMs: null,
    loss: { atLeast: 1, atMost: 60, shards: [], unseenMs: 4_000, explanation: "" },
  },
};

const readBacks: ReadBacks = {
  afterFailover: ["a", "b", "c"],
  afterReplay: [],
  atTheEnd: [],
  foundAtTheEnd: 150,
};

const result: RoundTrip = {
  failover: run,
  back: { poweredOnAtMs: 30_000, rejoinedAtMs: 60_000, inSyncAtMs: 65_000 },
  salvaged: {
    ...{ host: "witness-1", name: "3-gra", isSound: true, missing: [], limits: [] },
    totals: { operations: 5, invisible: 1, settled: 5, finishedAt: "2026-01-01T00:01:01Z" },
  },
  switchover: { writePauseMs: 6_500, writesFailed: 12, tookMs: 7_000, inSyncAfterMs: 20_000 },
  readBacks,
  writesAcknowledged: 150,
  turns: [
    { region: "gra", firstMs: 1_000, lastMs: 9_900, writes: 60 },
    { region: "bhs", firstMs: 18_500, lastMs: 70_000, writes: 70 },
    { region: "gra", firstMs: 76_500, lastMs: 80_000, writes: 20 },
  ],
};

const withReadBacks = (changes: Partial<ReadBacks>): RoundTrip => ({
  ...result,
  readBacks: { ...readBacks, ...changes },
});

describe("a failover under load", () => {
  test("has no violations when writes resumed and the estimate holds", () => {
    expect(failoverViolations(run)).toEqual([]);
  });

  test("a loss above or below the estimate and a missing upper bound are violations", () => {
    const loss = run.failover.loss;
    expect(failoverViolations({ ...run, found: 39, missing: 61 })).toHaveLength(1);
    expect(failoverViolations({ ...run, failover: { ...run.failover, loss: { ...loss, atLeast: 8 } } })).toHaveLength(
      1,
    );
    expect(failoverViolations({ ...run, failover: { ...run.failover, loss: { ...loss, atMost: null } } })).toHaveLength(
      1,
    );
  });

  test("writes that never resume and writes without an account are violations", () => {
    expect(failoverViolations({ ...run, firstWriteAtMs: null })).toEqual([
      "no write was acknowledged after the failover",
    ]);
    expect(failoverViolations({ ...run, found: 96 })).toHaveLength(1);
  });
});

describe("the account of a round trip", () => {
  test("counts every acknowledged write in exactly one place", () => {
    const account = accountOf({
      afterFailover: ["replayed", "never-seen-again", "replayed-and-lost"],
      afterReplay: ["never-seen-again", "lost-in-bhs"],
      atTheEnd: ["never-seen-again", "lost-in-bhs", "replayed-and-lost", "lost-on-the-way-home"],
      foundAtTheEnd: 100,
    });
    expect(account).toEqual({ found: 99, replayed: 1, missing: 1, lostLater: 3, lostInSwitchover: 2 });
    const { found, replayed, missing, lostLater } = account;
    expect(found + replayed + missing + lostLater).toBe(104);
  });
});

describe("the report of a round trip", () => {
  test("counts each duration from its own start and each acknowledged write once", () => {
    expect(sectionTable(sectionsOf(result))).toMatchInlineSnapshot(`
      "  The whole of gra lost
          detected after                    3.0 s
          closing and promotion took        5.0 s
          first acknowledged write after    8.5 s
          requests failed                   4 writes, 2 reads
          estimate of what gra alone holds  1 to 60 operations

        gra back
          in sync as the standby after      35.0 s (its boot included)
          gra alone held                    5 operations exported, 1 that cannot be read
          settled by the replay             5 of 5

        The switchover home
          writers waited                    6.5 s
          requests failed                   12 writes
          whole change took                 7.0 s
          bhs in sync as the standby after  20.0 s

        The ledger
          writes acknowledged               150
          accepted in turn by               gra 60, bhs 70, gra 20
          found without help                147
          salvaged and replayed             3
          missing                           0
          lost in the switchover            0"
    `);
  });

  test("has no violations when all guarantees held, with operations that cannot be read as well", () => {
    expect(roundTripViolations(result)).toEqual([]);
    expect(roundTripViolations(withReadBacks({ afterReplay: ["a"], atTheEnd: ["a"], foundAtTheEnd: 149 }))).toEqual([]);
  });

  test("acknowledged writes neither found nor replayed, beyond what the receipt could not read, are a violation", () => {
    const gone = ["a", "b"];
    expect(roundTripViolations(withReadBacks({ afterReplay: gone, atTheEnd: gone, foundAtTheEnd: 148 }))).toEqual([
      expect.stringContaining("2 acknowledged writes are neither found nor replayed"),
    ]);
  });

  test("tells a write that the switchover lost from one that went missing while bhs served", () => {
    expect(roundTripViolations(withReadBacks({ atTheEnd: ["new"], foundAtTheEnd: 149 }))).toEqual([
      "the switchover lost 1 acknowledged writes",
    ]);
    expect(roundTripViolations(withReadBacks({ afterReplay: ["x"], atTheEnd: ["x"], foundAtTheEnd: 149 }))).toEqual([
      "1 acknowledged writes went missing while bhs served",
    ]);
  });

  test("an acknowledged write without an account is a violation", () => {
    expect(roundTripViolations({ ...result, writesAcknowledged: 151 })).toEqual([
      "151 writes were acknowledged, 150 are accounted for at the end",
    ]);
  });

  test("what gra held below or above the estimate is a violation", () => {
    const estimate = (atLeast: number, atMost: number): RoundTrip => ({
      ...result,
      failover: { ...run, failover: { ...run.failover, loss: { ...run.failover.loss, atLeast, atMost } } },
    });
    expect(roundTripViolations(estimate(6, 6))).toEqual([]);
    expect(roundTripViolations(estimate(7, 60))).toEqual(["gra held 6 operations alone, below the estimate's 7"]);
    expect(roundTripViolations(estimate(0, 5))).toEqual(["gra held 6 operations alone, above the estimate's 5"]);
  });

  test("writes that both regions accepted at overlapping times are a violation", () => {
    const [gra, bhs, home] = result.turns;
    if (gra === undefined || bhs === undefined || home === undefined) throw new Error("three turns are needed");
    expect(roundTripViolations({ ...result, turns: [gra, bhs, gra, bhs, home] })).toEqual([
      "writes were accepted by gra, bhs, gra, bhs, gra in turn, expected: gra, bhs, gra",
    ]);
  });

  test("an export that is not sound is a violation", () => {
    const { salvaged } = result;
    expect(roundTripViolations({ ...result, salvaged: { ...salvaged, isSound: false } })).toHaveLength(1);
  });
});

describe("the journal lines on the screen", () => {
  const line = (fields: object) => JSON.stringify({ time: "2026-01-01T00:00:00Z", watchdog: "w", msg: "…", ...fields });

  test("show changes and who makes them, not watchdogs that only observe", () => {
    for (const shown of [
      { event: "step" },
      { event: "rule", rule: "failover" },
      { event: "health", state: "unhealthy" },
    ]) {
      expect(parseLine(line(shown))).toMatchObject(shown);
    }
    for (const hidden of [
      { event: "rule", rule: "not-leading" },
      { event: "health", state: "suspect" },
    ]) {
      expect(parseLine(line(hidden))).toBeUndefined();
    }
    expect(parseLine("Started es-failover.service")).toBeUndefined();
  });
});
