import { describe, expect, test } from "vitest";
import { changeStatus, progressOf } from "../../watchdog/cli/change/status.ts";
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
const status = (record: Parameters<typeof changeStatus>[0], nowMs = NOW_MS) =>
  changeStatus(record, "bhs", answer, nowMs);

describe("a requested change", () => {
  test("is waiting while only older state documents are known", () => {
    expect(status(null)).toBe("waiting");
    expect(status(serving({ sequence: 7 }))).toBe("waiting");
  });

  test("waits, is in progress, and is done once the other region accepts writes", () => {
    expect(status(serving({ sequence: 8, request }))).toBe("waiting");
    expect(status(closing({ epoch: 2, sequence: 9 }))).toBe("in-progress");
    expect(status(promoting({ epoch: 2, sequence: 12 }))).toBe("in-progress");
    expect(status(serving({ epoch: 3, sequence: 40, active: "bhs" }))).toBe("done");
  });

  test("has not started when the request is gone, and was undone when the old region accepts writes again", () => {
    expect(status(serving({ sequence: 9 }))).toBe("not-started");
    expect(status(serving({ epoch: 3, sequence: 40, active: "gra" }))).toBe("undone");
  });

  test("was not handled when the request expired", () => {
    expect(status(serving({ sequence: 8, request }), request.validUntilMs + 5_001)).toBe("not-handled");
  });

  test("reports its progress from the state document alone", () => {
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
