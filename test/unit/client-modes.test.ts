import { describe, expect, test } from "vitest";
import { acknowledgedIds, type LedgerEntry, parseEntries, programOutcome } from "../../lab/demo/client-modes/ledger.ts";
import { refusalsIn } from "../../lab/demo/client-modes/refusals.ts";
import {
  type ModeOutcome,
  modesTable,
  stagesTable,
  type UnnotifiedOutcome,
  violationsOf,
} from "../../lab/demo/client-modes/report.ts";

const entry = (id: string, given: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ id, status: "ok", at: 0, ms: 10, attempts: 1, uncertain: false },
  ...given,
});

describe("the ledger of a program in C", () => {
  const line =
    '{"id":"file-1","status":"ok","at":1700,"ms":31,"attempts":2,"http":201,"uncertain":false,"epoch":3,"region":"bhs"}';

  test("is read line by line, without a line that is still being written", () => {
    expect(parseEntries(`${line}\n{"id":"file-2","sta`)).toEqual([entry("file-1", { at: 1_700, ms: 31, attempts: 2 })]);
    expect(parseEntries("")).toEqual([]);
  });

  test("a line of another format is refused", () => {
    expect(() => parseEntries(`${line.replace('"attempts":2', '"attempts":"two"')}\n`)).toThrow("attempts");
  });

  test("a write counts from its acknowledgement, not from its start", () => {
    const ledger = [
      entry("a", { at: 900 }),
      entry("b", { at: 900, ms: 200 }),
      entry("c", { at: 2_000, status: "http" }),
    ];
    expect(acknowledgedIds(ledger)).toEqual(["a", "b"]);
    expect(acknowledgedIds(ledger, 1_000)).toEqual(["b"]);
  });
});

describe("the outcome of a program", () => {
  test("the first write is the first one after the loss was detected: answers of the old region arrive until then", () => {
    const ledger = [
      entry("sent before", { at: 995, ms: 45 }),
      entry("later", { at: 9_500, ms: 500 }),
      entry("held", { at: 990, ms: 7_010, attempts: 4 }),
    ];
    expect(programOutcome(ledger, 1_000, 3_000)).toEqual({
      ...{ firstWriteAfterMs: 7_000, failed: 0, uncertain: 0, failedAttempts: 3, acknowledged: 3 },
    });
  });

  test("uncertain requests are counted apart from failed ones, and all their attempts as failed", () => {
    const ledger = [
      entry("refused", { status: "http", attempts: 1 }),
      entry("doubtful", { status: "uncertain", uncertain: true, attempts: 5 }),
      entry("ended in between", { status: "cancelled", uncertain: true, attempts: 2 }),
    ];
    expect(programOutcome(ledger, 0, 0)).toEqual({
      ...{ firstWriteAfterMs: null, failed: 1, uncertain: 2, failedAttempts: 8, acknowledged: 0 },
    });
  });
});

describe("the answers to the unnotified program", () => {
  const gaveUp = (number: number, status: string, met: string) =>
    `escluster-demo: document ${number}: ${status}: PUT /app/_create/unnotified-${number} at gra (192.168.1.11:9200, epoch 1): ${met}`;
  const body = (type: string) => `{"error":{"root_cause":[{"type":"${type}","reason":"index [app] blocked`;

  test("are listed in the order of their first occurrence, with their number", () => {
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
    const rows = stagesTable([
      { when: "gra boots", refusals: refusals.slice(0, 2) },
      { when: "gra is fenced", refusals: refusals.slice(2, 3) },
    ]).split("\n");
    expect(rows[2]).toMatch(/^ +503 cluster_block_exception +1$/);
    expect(rows[3]).toMatch(/^gra is fenced +403 cluster_block_exception +2$/);
  });
});

describe("the client modes side by side", () => {
  const good: ModeOutcome = {
    mode: "through HAProxy",
    outcome: { firstWriteAfterMs: 9_440, failed: 0, uncertain: 0, failedAttempts: 12, acknowledged: 480 },
    missing: ["proxy-7"],
    missingAfterReplay: [],
  };
  const unnotified: UnnotifiedOutcome = { stages: [], writtenToOldRegion: 40, missingAfterReplay: [] };

  test("have a row each", () => {
    const [titles, row] = modesTable([good]).split("\n");
    expect(titles?.split(/ {2,}/)).toHaveLength(9);
    expect(row?.split(/ {2,}/)).toEqual(["through HAProxy", "9.4 s", "0", "0", "12", "480", "479", "1", "0"]);
  });

  test("a write that only the old region had is no violation, one that is nowhere is", () => {
    expect(violationsOf([good], unnotified)).toEqual([]);
    expect(violationsOf([{ ...good, missingAfterReplay: ["proxy-7"] }], unnotified)).toEqual([
      "through HAProxy: 1 acknowledged writes are lost: proxy-7",
    ]);
    expect(violationsOf([good], { ...unnotified, missingAfterReplay: ["unnotified-1"] })).toHaveLength(1);
  });

  test("a request that failed for good and a program that never wrote again are violations", () => {
    const outcome = { ...good.outcome, firstWriteAfterMs: null, failed: 2 };
    expect(violationsOf([{ ...good, outcome }], unnotified)).toEqual([
      "through HAProxy: no write was acknowledged after the failover",
      "through HAProxy: 2 requests failed for good",
    ]);
  });
});
