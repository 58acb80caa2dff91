import { type ConfigViolation, sentenceOf } from "../config/violations.ts";
import { type LoopOptions, runLoop } from "../util/loop.ts";

/** A secret or a program that is missing is found before it is needed. */
const INTERVAL_MS = 60_000;

/** Checks the files of a section while the watchdog runs: without them it serves all the same. */
export function watchFiles(
  section: string,
  check: () => Promise<readonly ConfigViolation[]>,
  options: LoopOptions,
): { readonly problems: () => readonly string[]; readonly ended: Promise<void> } {
  let problems: readonly string[] = [];
  const round = async () => {
    problems = (await check()).map(sentenceOf);
  };
  const ended = runLoop({ name: `files of ${section}`, intervalMs: () => INTERVAL_MS, round }, options);
  return { problems: () => problems, ended };
}
