import { table } from "../../../watchdog/util/text.ts";
import type { Report } from "../report.ts";
import { seconds } from "../screen.ts";
import type { ProgramOutcome } from "./ledger.ts";
import type { Refusal } from "./refusals.ts";

/** Outcome of one client mode. */
export interface ModeOutcome {
  readonly mode: string;
  readonly outcome: ProgramOutcome;
  /** Acknowledged writes that bhs did not have after the failover. */
  readonly missing: readonly string[];
  /** Acknowledged writes that bhs did not have after the replay of what only gra held. */
  readonly missingAfterReplay: readonly string[];
}

/** A period in which the unnotified program was refused for the same reasons. */
export interface Stage {
  readonly when: string;
  readonly refusals: readonly Refusal[];
}

/** Outcome of the program that connects to a node of gra and is not notified of the failover. */
export interface UnnotifiedOutcome {
  readonly stages: readonly Stage[];
  /** Writes that gra acknowledged while bhs served. */
  readonly writtenToOldRegion: number;
  /** Acknowledged writes that bhs lacks after the replay. */
  readonly missingAfterReplay: readonly string[];
}

export function clientModesReport(modes: readonly ModeOutcome[], unnotified: UnnotifiedOutcome): Report {
  return {
    blocks: [
      modesTable(modes),
      "Answers for which the unnotified program gave documents up:",
      stagesTable(unnotified.stages),
      `gra acknowledged ${unnotified.writtenToOldRegion} of its writes while bhs served.`,
    ],
    violations: violationsOf(modes, unnotified),
    success: "after the replay bhs has every acknowledged write of all four programs",
  };
}

const titles = [
  "mode",
  "first write after",
  "failed for good",
  "uncertain",
  "failed attempts",
  "acknowledged",
  "found in bhs",
  "missing",
  "missing after replay",
];

/** The modes side by side, a row for each. */
export function modesTable(modes: readonly ModeOutcome[]): string {
  const rows = modes.map(({ mode, outcome, missing, missingAfterReplay }) => [
    mode,
    outcome.firstWriteAfterMs === null ? "never" : seconds(outcome.firstWriteAfterMs),
    ...[outcome.failed, outcome.uncertain, outcome.failedAttempts, outcome.acknowledged].map(String),
    ...[outcome.acknowledged - missing.length, missing.length, missingAfterReplay.length].map(String),
  ]);
  return table([titles, ...rows]);
}

export function stagesTable(stages: readonly Stage[]): string {
  const rows = stages.flatMap(({ when, refusals }) =>
    refusals.map(({ answer, times }, position) => [position === 0 ? when : "", answer, String(times)]),
  );
  return table([["when", "answer", "documents"], ...rows]);
}

/** Guarantees that did not hold; empty when all held. */
export function violationsOf(modes: readonly ModeOutcome[], unnotified: UnnotifiedOutcome): readonly string[] {
  const ofModes = modes.flatMap(({ mode, outcome, missingAfterReplay }) => [
    ...(outcome.firstWriteAfterMs === null ? [`${mode}: no write was acknowledged after the failover`] : []),
    ...(outcome.failed > 0 ? [`${mode}: ${outcome.failed} requests failed for good`] : []),
    ...lost(mode, missingAfterReplay),
  ]);
  return [...ofModes, ...lost("the unnotified program", unnotified.missingAfterReplay)];
}

function lost(program: string, ids: readonly string[]): readonly string[] {
  if (ids.length === 0) return [];
  return [`${program}: ${ids.length} acknowledged writes are lost: ${ids.slice(0, 5).join(", ")}`];
}
