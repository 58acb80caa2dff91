const FIRST_MS = 5_000;
const LONGEST_MS = 600_000;

/**
 * How long to wait after a failed attempt: twice as long each time, up to ten minutes, less up to a half by chance, so that
 * watchdogs and messages do not come at once when a target is back.
 */
export function backoffMs(attempts: number, random: () => number): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(20, Math.max(0, attempts - 1)));
  return longest * (1 - random() / 2);
}
