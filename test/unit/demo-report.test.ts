import { describe, expect, test } from "vitest";
import { type FailoverRun, faultsOf, reportRows, table } from "../../lab/demo/report.ts";

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

describe("the report of a failover under load", () => {
  test("counts every time from the moment the old region was gone", () => {
    expect(table(reportRows(run))).toMatchInlineSnapshot(`
      "  detected after                  3.0 s
        closing and promotion took      5.0 s
        first acknowledged write after  8.5 s
        requests failed                 4 writes, 2 reads
        writes acknowledged             100
        found after promotion           97
        missing                         3 (the watchdog's estimate: 1 to 60)"
    `);
  });

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
