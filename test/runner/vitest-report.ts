import path from "node:path";
import { z } from "zod";
import type { Counts } from "./closing-line.ts";
import type { Failure } from "./failures.ts";

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
      /** Of a file that broke outside its tests. */
      message: z.string().default(""),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          duration: z.number().nullish(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
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
  readonly failures: readonly Failure[];
  /** Tests that ran; skipped ones have no duration. */
  readonly tests: readonly TimedTest[];
}

export const emptyReport: TestReport = { counts: { passed: 0, failed: 0, skipped: 0 }, failures: [], tests: [] };

type FileResult = z.output<typeof reportSchema>["testResults"][number];

/**
 * Reads a vitest JSON report. A test file that failed outside its tests (at import, in a hook) counts as one failed test.
 *
 * @param checkout directory that the files' paths are shown relative to
 * @throws {z.ZodError} when the report has another form
 */
export function readReport(report: unknown, checkout: string): TestReport {
  const { testResults, ...totals } = reportSchema.parse(report);
  const files = testResults.map((result) => ({ ...result, file: path.relative(checkout, result.name) }));
  const broken = files.filter((result) => result.status === "failed" && failedTests(result).length === 0);
  return {
    counts: {
      passed: totals.numPassedTests,
      failed: totals.numFailedTests + broken.length,
      skipped: totals.numPendingTests + totals.numTodoTests,
    },
    failures: [
      ...files.flatMap(({ file, ...result }) =>
        failedTests(result).map(({ fullName, failureMessages }) => ({
          title: `${file}  ${fullName}`,
          message: failureMessages?.join("\n") ?? "",
        })),
      ),
      ...broken.map(({ file, message }) => ({ title: file, message })),
    ],
    tests: files.flatMap(({ file, assertionResults }) =>
      assertionResults.flatMap(({ fullName, duration }) =>
        typeof duration === "number" ? [{ file, title: fullName, durationMs: duration }] : [],
      ),
    ),
  };
}

const failedTests = ({ assertionResults }: Pick<FileResult, "assertionResults">) =>
  assertionResults.filter(({ status }) => status === "failed");
