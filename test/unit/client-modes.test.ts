import { describe, expect, test } from "vitest";
import { acknowledgedIds, fareOf, type LedgerEntry, parseLedger } from "../../lab/client-modes/ledger.ts";
import { refusalsIn } from "../../lab/client-modes/refusals.ts";
import { faultsOf, sideBySide, stageTable, type WayOutcome } from "../../lab/client-modes/report.ts";

const entry = (id: string, given: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ id, status: "ok", at: 0, ms: 10, attempts: 1, uncertain: false },
  ...given,
});

describe("the ledger of a program in C", () => {
  const line =
    '{"id":"file-1","status":"ok","at":1700,"ms":31,"attempts":2,"http":201,"uncertain":false,"epoch":3,"region":"bhs"}';

  test("is read line by line, but for one that is still being written", () => {
    expect(parseLedger(`${line}\n{"id":"file-2","sta`)).toEqual([entry("file-1", { at: 1_700, ms: 31, attempts: 2 })]);
    expect(parseLedger("")).toEqual([]);
  });

  test("a line that is not as agreed is refused", () => {
    expect(() => parseLedger(`${line.replace('"attempts":2', '"attempts":"two"')}\n`)).toThrow("attempts");
  });

  test("a write counts from its acknowledgement, not from its beginning", () => {
    const ledger = [
      entry("a", { at: 900 }),
      entry("b", { at: 900, ms: 200 }),
      entry("c", { at: 2_000, status: "http" }),
    ];
    expect(acknowledgedIds(ledger)).toEqual(["a", "b"]);
    expect(acknowledgedIds(ledger, 1_000)).toEqual(["b"]);
  });
});

describe("how a program fared", () => {
  test("the first write is the first one after the loss was noticed: answers were on the line until then", () => {
    const ledger = [
      entry("sent before", { at: 995, ms: 45 }),
      entry("later", { at: 9_500, ms: 500 }),
      entry("held", { at: 990, ms: 7_010, attempts: 4 }),
    ];
    expect(fareOf(ledger, 1_000, 3_000)).toEqual({
      ...{ firstWriteAfterMs: 7_000, failed: 0, uncertain: 0, failedAttempts: 3, acknowledged: 3 },
    });
  });

  test("what was given up is told apart from what may have been carried out, and every attempt of it has failed", () => {
    const ledger = [
      entry("refused", { status: "http", attempts: 1 }),
      entry("doubtful", { status: "uncertain", uncertain: true, attempts: 5 }),
      entry("ended in between", { status: "cancelled", uncertain: true, attempts: 2 }),
    ];
    expect(fareOf(ledger, 0, 0)).toEqual({
      ...{ firstWriteAfterMs: null, failed: 1, uncertain: 2, failedAttempts: 8, acknowledged: 0 },
    });
  });
});

describe("what a program that nobody told was answered", () => {
  const gaveUp = (number: number, status: string, met: string) =>
    `escluster-demo: document ${number}: ${status}: PUT /app/_create/deaf-${number} at gra (192.168.1.11:9200, epoch 1): ${met}`;
  const body = (type: string) => `{"error":{"root_cause":[{"type":"${type}","reason":"index [app] blocked`;

  test("is told in the order in which the answers came first, with how often each came", () => {
    const log = [
      "escluster-demo: warning: no connection for 5 s",
      gaveUp(1, "unavailable", "Connection timed out; nothing was carried out (1 attempt, 1000 ms)"),
      gaveUp(2, "unavailable", `status 503 ${body("cluster_block_exception")}`),
      gaveUp(3, "unavailable", `status 403 ${body("cluster_block_exception")}`),
      gaveUp(4, "unavailable", `status 403 ${body("cluster_block_exception")}`),
      gaveUp(5, "http", `status 403 ${body("security_exception")}`),
      gaveUp(6, "unavailable", "status 502 <html>"),
    ];
    const refusals = refusalsIn(`${log.join("\n")}\n`);
    expect(refusals).toEqual([
      { answer: "no answer", times: 1 },
      { answer: "503 cluster_block_exception", times: 1 },
      { answer: "403 cluster_block_exception", times: 2 },
      { answer: "403 security_exception", times: 1 },
      { answer: "502", times: 1 },
    ]);
    const rows = stageTable([
      { when: "gra boots", refusals: refusals.slice(0, 2) },
      { when: "gra is fenced", refusals: refusals.slice(2, 3) },
    ]).split("\n");
    expect(rows[2]).toMatch(/^ +503 cluster_block_exception +1$/);
    expect(rows[3]).toMatch(/^gra is fenced +403 cluster_block_exception +2$/);
  });
});

describe("the ways side by side", () => {
  const good: WayOutcome = {
    way: "through HAProxy",
    fare: { firstWriteAfterMs: 9_440, failed: 0, uncertain: 0, failedAttempts: 12, acknowledged: 480 },
    missing: ["proxy-7"],
    missingAfterReplay: [],
  };
  const deaf = { stages: [], writtenToOldRegion: 40, missingAfterReplay: [] };

  test("a row names what each came to", () => {
    const [titles, row] = sideBySide([good]).split("\n");
    expect(titles?.split(/ {2,}/)).toHaveLength(9);
    expect(row?.split(/ {2,}/)).toEqual(["through HAProxy", "9.4 s", "0", "0", "12", "480", "479", "1", "0"]);
  });

  test("a write that only the old region had is no fault, one that is nowhere is", () => {
    expect(faultsOf([good], deaf)).toEqual([]);
    expect(faultsOf([{ ...good, missingAfterReplay: ["proxy-7"] }], deaf)).toEqual([
      "through HAProxy: 1 acknowledged writes are lost: proxy-7",
    ]);
    expect(faultsOf([good], { ...deaf, missingAfterReplay: ["deaf-1"] })).toHaveLength(1);
  });

  test("a request that failed for good is a fault, and so is a program that never wrote again", () => {
    const fare = { ...good.fare, firstWriteAfterMs: null, failed: 2 };
    expect(faultsOf([{ ...good, fare }], deaf)).toEqual([
      "through HAProxy: no write was acknowledged after the failover",
      "through HAProxy: 2 requests failed for good",
    ]);
  });
});
