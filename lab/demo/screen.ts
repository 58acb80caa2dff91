import type { Say } from "../system/two-regions.ts";

const startedAtMs = Date.now();

/** A line on the screen, with the time since the program began. */
export const say: Say = (line) => sayAt(Date.now(), line);

/** What is heard of later is shown with the time when it happened. */
export function sayAt(atMs: number, line: string): void {
  console.log(`${((atMs - startedAtMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

export function headline(text: string): void {
  console.log(`\n          ${text}`);
}

/** A line of what another program printed. */
export function quote(line: string): void {
  console.log(`            | ${line}`);
}
