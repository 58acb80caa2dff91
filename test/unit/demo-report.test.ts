import { describe, expect, test } from "vitest";
import { accountOf, type ReadBacks } from "../../lab/demo/account.ts";
import { parseLine } from "../../lab/demo/journal.ts";
import { type FailoverRun, faultsOf, type Journey, journeyFaults, sectionsOf, table } from "../../lab/demo/report.ts";

const run: FailoverRun = {
  killedAtMs: 10_000,
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

const journey: Journey = {
  failover: run,
  back: { poweredOnAtMs: 30_000, rejoinedAtMs: 60_000, inSyncAtMs: 65_000 },
  salvaged: {
    ...{ host: "witness-1", name: "3-gra", isSound: true, settled: 5, missing: [] },
    receipt: {
      ...{ schemaVersion: 1, epoch: 3, region: "gra", newRegion: "bhs", clusterUuid: "u" },
      ...{ promotedAt: "2026-01-01T00:00:00Z", startedAt: "2026-01-01T00:01:00Z", finishedAt: "2026-01-01T00:01:01Z" },
      operations: { file: "operations.ndjson.gz", compression: "gzip", count: 5, bytes: 300, sha256: "0".repeat(64) },
      indices: [
        {
          ...{ index: "app-orders", uuid: "i" },
          shards: [{ shard: 0, checkpoint: 9, maxSeqNo: 15, exported: 5, withoutSource: 0, invisible: 1 }],
        },
      ],
      leftOut: [],
      limits: [],
    },
  },
  switchover: { writePauseMs: 6_500, writesFailed: 12, tookMs: 7_000, inSyncAfterMs: 20_000 },
  readBacks,
  writesAcknowledged: 150,
  reigns: [
    { region: "gra", firstMs: 1_000, lastMs: 9_900, writes: 60 },
    { region: "bhs", firstMs: 18_500, lastMs: 70_000, writes: 70 },
    { region: "gra", firstMs: 76_500, lastMs: 80_000, writes: 20 },
  ],
};

const withReadBacks = (changes: Partial<ReadBacks>): Journey => ({
  ...journey,
  readBacks: { ...readBacks, ...changes },
});

describe("the report of a failover under load", () => {
  test("finds no fault when writes resumed and the estimate holds", () => {
    expect(faultsOf(run)).toEqual([]);
  });

  test("faults a loss above the estimate, a loss that was claimed but did not happen, and a missing bound", () => {
    const loss = run.failover.loss;
    expect(faultsOf({ ...run, found: 39, missing: 61 })).toHaveLength(1);
    expect(faultsOf({ ...run, failover: { ...run.failover, loss: { ...loss, atLeast: 8 } } })).toHaveLength(1);
    expect(faultsOf({ ...run, failover: { ...run.failover, loss: { ...loss, atMost: null } } })).toHaveLength(1);
  });

  test("faults writes that never resumed and writes that nobody accounts for", () => {
    expect(faultsOf({ ...run, firstWriteAtMs: null })).toEqual(["no write was acknowledged after the failover"]);
    expect(faultsOf({ ...run, found: 96 })).toHaveLength(1);
  });
});

describe("the account of a journey there and home again", () => {
  test("puts every acknowledged write in exactly one place", () => {
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

describe("the report of a journey there and home again", () => {
  test("counts every time from the moment it is about, and every acknowledged write once", () => {
    expect(table(sectionsOf(journey))).toMatchInlineSnapshot(`
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

  test("finds no fault when every promise was kept, also that about operations that cannot be read", () => {
    expect(journeyFaults(journey)).toEqual([]);
    expect(journeyFaults(withReadBacks({ afterReplay: ["a"], atTheEnd: ["a"], foundAtTheEnd: 149 }))).toEqual([]);
  });

  test("faults acknowledged writes that are neither found nor replayed, beyond what the receipt cannot see", () => {
    const gone = ["a", "b"];
    expect(journeyFaults(withReadBacks({ afterReplay: gone, atTheEnd: gone, foundAtTheEnd: 148 }))).toEqual([
      expect.stringContaining("2 acknowledged writes are neither found nor replayed"),
    ]);
  });

  test("faults a write that the switchover lost, apart from one that went missing while bhs served", () => {
    expect(journeyFaults(withReadBacks({ atTheEnd: ["new"], foundAtTheEnd: 149 }))).toEqual([
      "the switchover lost 1 acknowledged writes",
    ]);
    expect(journeyFaults(withReadBacks({ afterReplay: ["x"], atTheEnd: ["x"], foundAtTheEnd: 149 }))).toEqual([
      "1 acknowledged writes went missing while bhs served",
    ]);
  });

  test("faults a write that nobody accounts for", () => {
    expect(journeyFaults({ ...journey, writesAcknowledged: 151 })).toEqual([
      "151 writes were acknowledged, but 150 are accounted for at the end",
    ]);
  });

  test("faults an estimate that what gra held turned out to contradict, at either end", () => {
    const estimate = (atLeast: number, atMost: number): Journey => ({
      ...journey,
      failover: { ...run, failover: { ...run.failover, loss: { ...run.failover.loss, atLeast, atMost } } },
    });
    expect(journeyFaults(estimate(6, 6))).toEqual([]);
    expect(journeyFaults(estimate(7, 60))).toEqual(["gra held 6 operations alone, fewer than the estimate's 7"]);
    expect(journeyFaults(estimate(0, 5))).toEqual(["gra held 6 operations alone, the estimate said 5"]);
  });

  test("faults writes that both regions accepted at overlapping times", () => {
    const [gra, bhs, home] = journey.reigns;
    if (gra === undefined || bhs === undefined || home === undefined) throw new Error("three reigns are needed");
    expect(journeyFaults({ ...journey, reigns: [gra, bhs, gra, bhs, home] })).toEqual([
      "writes were accepted by gra, bhs, gra, bhs, gra in turn, instead of by gra, bhs, gra",
    ]);
  });

  test("faults an export that is not sound, and an index that was left out of it", () => {
    const { salvaged } = journey;
    expect(journeyFaults({ ...journey, salvaged: { ...salvaged, isSound: false } })).toHaveLength(1);
    const receipt = { ...salvaged.receipt, leftOut: [{ index: "app-closed", reason: "it is closed" }] };
    expect(journeyFaults({ ...journey, salvaged: { ...salvaged, receipt } })).toEqual([
      "app-closed of gra was not salvaged: it is closed",
    ]);
  });
});

describe("what is told of the watchdogs' journals", () => {
  const line = (fields: object) => JSON.stringify({ time: "2026-01-01T00:00:00Z", watchdog: "w", msg: "…", ...fields });

  test("what changes and who does it, without those who only look on", () => {
    for (const told of [
      { event: "step" },
      { event: "rule", rule: "failover" },
      { event: "health", state: "unhealthy" },
    ]) {
      expect(parseLine(line(told))).toMatchObject(told);
    }
    for (const untold of [
      { event: "rule", rule: "not-leading" },
      { event: "health", state: "suspect" },
    ]) {
      expect(parseLine(line(untold))).toBeUndefined();
    }
    expect(parseLine("Started es-failover.service")).toBeUndefined();
  });
});
