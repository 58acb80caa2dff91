import type { Say } from "../system/two-regions.ts";

const startedAtMs = Date.now();

/** Prints a line with the time since the program began. */
export const say: Say = (line) => sayAt(Date.now(), line);

/** Prints a line with the time of its event, for events that become known later. */
export function sayAt(atMs: number, line: string): void {
  console.log(`${seconds(atMs - startedAtMs).padStart(8)}  ${line}`);
}

export function headline(text: string): void {
  console.log(`\n          ${text}`);
}

/** Prints a line of another program's output. */
export function quote(line: string): void {
  console.log(`            | ${line}`);
}

/** A duration with one decimal: "16.2 s". */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
