import { say } from "./screen.ts";

/** What a scenario showed. */
export interface Report {
  /** Tables and remarks, in this order, with a blank line between them. */
  readonly blocks: readonly string[];
  /** Guarantees that did not hold; empty when all held. */
  readonly violations: readonly string[];
  /** Printed when all guarantees held. */
  readonly success: string;
}

/** Prints a report. @returns the program's exit code: 1 when a guarantee did not hold */
export function conclude({ blocks, violations, success }: Report): number {
  console.log(`\n${blocks.join("\n\n")}\n`);
  for (const violation of violations) console.log(`  VIOLATION: ${violation}`);
  if (violations.length === 0) say(success);
  return violations.length === 0 ? 0 : 1;
}

type Row = readonly [label: string, value: string];
export type Section = readonly [title: string, rows: readonly Row[]];

/** Sections of two columns, all of the same width. */
export function sectionTable(sections: readonly Section[]): string {
  const width = Math.max(...sections.flatMap(([, rows]) => rows.map(([label]) => label.length)));
  const block = ([title, rows]: Section) =>
    [`  ${title}`, ...rows.map(([label, value]) => `    ${label.padEnd(width)}  ${value}`)].join("\n");
  return sections.map(block).join("\n\n");
}
