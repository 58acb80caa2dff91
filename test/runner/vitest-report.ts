import path from "node:path";
import { z } from "zod";
import type { Counts } from "./closing-line.ts";

/** The part of vitest's JSON report (Jest's format) that the end of a run needs. */
const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), duration: z.number().nullish() })),
    }),
  ),
});

export interface TimedTest {
  /** Path within the checkout. */
  readonly file: string;
  readonly title: string;
  readonly durationMs: number;
}

export interface TestReport {
  readonly counts: Counts;
  /** Tests that ran; skipped ones have no duration. */
  readonly tests: readonly TimedTest[];
}

export const emptyReport: TestReport = { counts: { passed: 0, failed: 0, skipped: 0 }, tests: [] };

/**
 * Reads a vitest JSON report. A test file that failed before its first test counts as one failed test.
 *
 * @param checkout directory that the files' paths are shown relative to
 * @throws {z.ZodError} when the report has another form
 */
export function readReport(report: unknown, checkout: string): TestReport {
  const { testResults, ...totals } = reportSchema.parse(report);
  const brokenFiles = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return {
    counts: {
      passed: totals.numPassedTests,
      failed: totals.numFailedTests + brokenFiles.length,
      skipped: totals.numPendingTests + totals.numTodoTests,
    },
    tests: testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.flatMap(({ fullName, duration }) =>
        typeof duration === "number"
          ? [{ file: path.relative(checkout, name), title: fullName, durationMs: duration }]
          : [],
      ),
    ),
  };
}
