/** Lines of a message that the end of a run repeats: what was expected, and where. The whole of it is above. */
const MESSAGE_LINES = 12;

/** A test, a test file or a check that failed. */
export interface Failure {
  /** Where, and which: "test/unit/a.test.ts  counts passed tests". */
  readonly title: string;
  /** As its tool put it. */
  readonly message: string;
}

/** Every failure with the first lines of its message, so that the end of a long log tells what failed. */
export function failureLines(failures: readonly Failure[]): readonly string[] {
  return failures.flatMap(({ title, message }) => [
    `FAILED: ${title}`,
    ...message
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(0, MESSAGE_LINES)
      .map((line) => `    ${line}`),
  ]);
}
