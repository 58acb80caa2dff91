import { describe, expect, test } from "vitest";
import { Ledger } from "../../lab/traffic/ledger.ts";

const acknowledge = (ledger: Ledger, ...times: number[]) => {
  for (const atMs of times) ledger.add({ event: "write-acknowledged", id: `at-${atMs}`, atMs, region: "gra" });
};

describe("the ledger of a traffic run", () => {
  test("finds the longest time without an acknowledged write", () => {
    const ledger = new Ledger();
    acknowledge(ledger, 100, 110, 120, 900, 910);
    expect(ledger.longestOutage(0, 1_000)).toEqual({ fromMs: 120, toMs: 900 });
  });

  test("an outage that lasts has no end", () => {
    const ledger = new Ledger();
    acknowledge(ledger, 100, 110);
    expect(ledger.longestOutage(100, 5_000)).toEqual({ fromMs: 110, toMs: null });
  });

  test("counts failed and answered requests and keeps the reason of the last failure", () => {
    const ledger = new Ledger();
    ledger.add({ event: "write-failed", id: "w", atMs: 1, reason: "503: closed" });
    ledger.add({ event: "read-answered", atMs: 2 });
    ledger.add({ event: "read-failed", atMs: 3, reason: "timeout" });
    expect(ledger).toMatchObject({ writesFailed: 1, readsAnswered: 1, readsFailed: 1, lastFailure: "timeout" });
    expect(ledger.acknowledged.size).toBe(0);
  });

  test("finds the first acknowledgement after a moment in any order of arrival", () => {
    const ledger = new Ledger();
    acknowledge(ledger, 300, 200, 100);
    expect(ledger.firstAcknowledgedAfter(150)).toBe(200);
    expect(ledger.firstAcknowledgedAfter(300)).toBeNull();
  });

  test("regions that accept writes one after the other take one turn each, over all applications", () => {
    const [near, far] = [new Ledger(), new Ledger()];
    acknowledge(near, 100, 130);
    acknowledge(far, 110, 120);
    far.add({ event: "write-acknowledged", id: "later", atMs: 500, region: "bhs" });
    expect(Ledger.turns([near, far])).toEqual([
      { region: "gra", firstMs: 100, lastMs: 130, writes: 4 },
      { region: "bhs", firstMs: 500, lastMs: 500, writes: 1 },
    ]);
    expect(Ledger.turns([near, far], 121).map(({ region, writes }) => [region, writes])).toEqual([
      ["gra", 1],
      ["bhs", 1],
    ]);
  });

  test("two regions that accept writes at overlapping times take several turns", () => {
    const [near, far] = [new Ledger(), new Ledger()];
    acknowledge(near, 100, 130);
    far.add({ event: "write-acknowledged", id: "in-between", atMs: 120, region: "bhs" });
    expect(Ledger.turns([near, far]).map(({ region }) => region)).toEqual(["gra", "bhs", "gra"]);
  });
});
