import { describe, expect, test } from "vitest";
import { progressOf, standingOf } from "../../watchdog/cli/output/progress.ts";
import { describeStep } from "../../watchdog/core/plans/describe-step.ts";
import { closing, NOW_MS, promoting, serving } from "./core-fixtures.ts";

const request = {
  kind: "switchover",
  to: "bhs",
  force: false,
  by: "ada",
  reason: null,
  atMs: NOW_MS,
  validUntilMs: NOW_MS + 60_000,
} as const;
const answer = { epoch: 1, sequence: 8 };
const standing = (record: Parameters<typeof standingOf>[0], nowMs = NOW_MS) => standingOf(record, "bhs", answer, nowMs);

describe("a change that was asked for", () => {
  test("says nothing as long as only documents from before are seen", () => {
    expect(standing(null)).toBe("waiting");
    expect(standing(serving({ sequence: 7 }))).toBe("waiting");
  });

  test("waits, is under way, and is done when the other region accepts writes", () => {
    expect(standing(serving({ sequence: 8, request }))).toBe("waiting");
    expect(standing(closing({ epoch: 2, sequence: 9 }))).toBe("under-way");
    expect(standing(promoting({ epoch: 2, sequence: 12 }))).toBe("under-way");
    expect(standing(serving({ epoch: 3, sequence: 40, active: "bhs" }))).toBe("done");
  });

  test("did not begin when the request is gone, and was undone when the old region accepts writes again", () => {
    expect(standing(serving({ sequence: 9 }))).toBe("not-begun");
    expect(standing(serving({ epoch: 3, sequence: 40, active: "gra" }))).toBe("undone");
  });

  test("that nobody took up in its time is given up", () => {
    expect(standing(serving({ sequence: 8, request }), request.validUntilMs + 5_001)).toBe("nobody-decided");
  });

  test("tells how far it is from the record alone, whoever decides", () => {
    expect(progressOf(null)).toBe("");
    expect(progressOf(closing())).toBe("closing gra");
    const record = promoting();
    const [first] = record.plan.steps;
    if (first === undefined) throw new Error("a plan has steps");
    expect(progressOf(record)).toBe(`promoting bhs: ${describeStep(first)}`);
    const done = record.plan.steps.map((step) => ({ ...step, status: "done" as const }));
    expect(progressOf(promoting({ plan: { ...record.plan, steps: done } }))).toBe("promoting bhs");
  });
});
