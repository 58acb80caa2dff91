import { describe, expect, test } from "vitest";
import { add, closingLine } from "../runner/closing-line.ts";
import { failureLines } from "../runner/failures.ts";
import { partsLine, slowestLines } from "../runner/timings.ts";
import { readReport } from "../runner/vitest-report.ts";

const checkout = "/checkout";
const file = (name: string, status: string, durationsMs: readonly (number | null)[]) => ({
  name: `${checkout}/test/${name}`,
  status,
  message: status === "failed" ? "cannot find module" : "",
  assertionResults: durationsMs.map((duration, n) => ({ fullName: `test ${n}`, status: "passed", duration })),
});
const report = (...testResults: ReturnType<typeof file>[]) => ({
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 0,
  testResults,
});

describe("the closing line of a test run", () => {
  test("counts passed and failed tests, and skipped ones only where there are any", () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
  });

  test("adds up the projects", () => {
    const one = { passed: 3, failed: 1, skipped: 2 };
    expect(add(one, { passed: 10, failed: 20, skipped: 30 })).toEqual({ passed: 13, failed: 21, skipped: 32 });
  });
});

describe("a vitest report", () => {
  test("counts a test file that broke before its first test as a failure", () => {
    const broken = report(file("a.test.ts", "passed", [1, 1, 1, 1, 1, null]), file("b.test.ts", "failed", []));
    const read = readReport(broken, checkout);
    expect(read.counts).toEqual({ passed: 5, failed: 1, skipped: 1 });
    expect(read.failures).toEqual([{ title: "test/b.test.ts", message: "cannot find module" }]);
  });

  test("counts a test file whose hook failed, though its tests were only skipped", () => {
    const hooks = file("b.test.ts", "failed", [null]);
    expect(readReport(report(hooks), checkout).counts.failed).toBe(1);
  });

  test("names each failed test with its message", () => {
    const failed = { fullName: "adds up", status: "failed", duration: 3, failureMessages: ["expected 1 to be 2"] };
    const result = { ...file("a.test.ts", "failed", [1]), assertionResults: [failed] };
    const { counts, failures } = readReport({ ...report(result), numFailedTests: 1 }, checkout);
    expect(counts.failed).toBe(1);
    expect(failures).toEqual([{ title: "test/a.test.ts  adds up", message: "expected 1 to be 2" }]);
  });

  test("has the duration of every test that ran", () => {
    expect(readReport(report(file("a.test.ts", "passed", [1_500, null])), checkout).tests).toEqual([
      { file: "test/a.test.ts", title: "test 0", durationMs: 1_500 },
    ]);
  });

  test("of an unknown form is refused instead of counted as no tests", () => {
    expect(() => readReport({ tests: [] }, checkout)).toThrow();
  });
});

describe("the failures at the end of a test run", () => {
  test("have the first lines of their messages below their titles", () => {
    const message = ["expected 1 to be 2", "", ...Array.from({ length: 40 }, (_, n) => `at line ${n}`)].join("\n");
    const lines = failureLines([{ title: "test/a.test.ts  adds up", message }]);
    expect(lines.slice(0, 3)).toEqual(["FAILED: test/a.test.ts  adds up", "    expected 1 to be 2", "    at line 0"]);
    expect(lines).toHaveLength(13);
    expect(failureLines([])).toEqual([]);
  });
});

describe("the timings at the end of a test run", () => {
  const timed = (durationMs: number) => ({ file: "test/a.test.ts", title: `takes ${durationMs}`, durationMs });

  test("list the ten slowest tests of all projects, the slowest first", () => {
    const tests = Array.from({ length: 15 }, (_, n) => timed((n + 1) * 1_000));
    const lines = slowestLines(tests);
    expect(lines).toHaveLength(11);
    expect(lines.slice(0, 3)).toEqual([
      "Slowest 10 tests, in seconds:",
      "   15.0  test/a.test.ts  takes 15000",
      "   14.0  test/a.test.ts  takes 14000",
    ]);
    expect(slowestLines([timed(120)])).toEqual(["Slowest test, in seconds:", "    0.1  test/a.test.ts  takes 120"]);
    expect(slowestLines([])).toEqual([]);
  });

  test("name the seconds of each part", () => {
    const parts = [
      { name: "unit", tookMs: 24_400 },
      { name: "lab", tookMs: 600_000 },
    ];
    expect(partsLine(parts)).toBe("Seconds: unit 24, lab 600");
  });
});
