import { describe, expect, test } from "vitest";
import { closingLine, countTests } from "../closing-line.ts";

const file = (status: string, tests: number) => ({ status, assertionResults: Array.from({ length: tests }) });

describe("the closing line of a test run", () => {
  test("names passed and failed tests, and skipped ones only where there are any", () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
  });

  test("counts a test file that broke before its first test as a failure", () => {
    const report = {
      numPassedTests: 5,
      numFailedTests: 0,
      numPendingTests: 1,
      numTodoTests: 0,
      testResults: [file("passed", 6), file("failed", 0)],
    };
    expect(countTests(report)).toEqual({ passed: 5, failed: 1, skipped: 1 });
  });

  test("refuses a report it does not know instead of counting nothing", () => {
    expect(() => countTests({ tests: [] })).toThrow();
  });
});
