import type { TimedTest } from "./vitest-report.ts";

/** How many of the slowest tests the end of a run lists. */
const LISTED = 10;

/** A part of a test run: a vitest project, the set-up, a check. */
export interface TimedPart {
  readonly name: string;
  /** Wall time from its start to its end. Parts overlap where they run side by side. */
  readonly tookMs: number;
}

/** "Seconds: unit 24, simulation 150" */
export function partsLine(parts: readonly TimedPart[]): string {
  return `Seconds: ${parts.map(({ name, tookMs }) => `${name} ${seconds(tookMs, 0)}`).join(", ")}`;
}

/** The slowest tests with their seconds, the slowest first, under a heading. No lines when no test ran. */
export function slowestLines(tests: readonly TimedTest[]): readonly string[] {
  if (tests.length === 0) return [];
  const slowest = tests.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, LISTED);
  const lines = slowest.map(
    ({ durationMs, file, title }) => `${seconds(durationMs, 1).padStart(7)}  ${file}  ${title}`,
  );
  return [`Slowest ${slowest.length === 1 ? "test" : `${slowest.length} tests`}, in seconds:`, ...lines];
}

const seconds = (ms: number, digits: number): string => (ms / 1_000).toFixed(digits);
