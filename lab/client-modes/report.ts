import { table } from "../../watchdog/util/text.ts";
import type { Fare } from "./ledger.ts";
import type { Refusal } from "./refusals.ts";

/** What came of one way to follow a failover. */
export interface WayOutcome {
  readonly way: string;
  readonly fare: Fare;
  /** Acknowledged writes that the new region did not have after the failover. */
  readonly missing: readonly string[];
  /** Those that it did not have after the replay of what the old region held alone. */
  readonly missingAfterReplay: readonly string[];
}

/** A time in which the same things stopped the program that nobody told. */
export interface DeafStage {
  readonly when: string;
  readonly refusals: readonly Refusal[];
}

/** What came of a program that nobody told of the failover, and that reaches the old region without a router. */
export interface DeafOutcome {
  readonly stages: readonly DeafStage[];
  /** Writes that the old region acknowledged while the new one served. */
  readonly writtenToOldRegion: number;
  /** Acknowledged writes that the new region has not even after the replay. */
  readonly missingAfterReplay: readonly string[];
}

const seconds = (ms: number | null) => (ms === null ? "never" : `${(ms / 1000).toFixed(1)} s`);

const titles = [
  "way",
  "first write after",
  "failed for good",
  "uncertain",
  "failed attempts",
  "acknowledged",
  "found in bhs",
  "missing",
  "missing after replay",
];

/** The ways side by side, a row for each. */
export function sideBySide(outcomes: readonly WayOutcome[]): string {
  const rows = outcomes.map(({ way, fare, missing, missingAfterReplay }) => [
    way,
    seconds(fare.firstWriteAfterMs),
    ...[fare.failed, fare.uncertain, fare.failedAttempts, fare.acknowledged].map(String),
    ...[fare.acknowledged - missing.length, missing.length, missingAfterReplay.length].map(String),
  ]);
  return table([titles, ...rows]);
}

/** What the deaf program was answered, stage by stage. */
export function stageTable(stages: readonly DeafStage[]): string {
  const rows = stages.flatMap(({ when, refusals }) =>
    refusals.map(({ answer, times }, position) => [position === 0 ? when : "", answer, String(times)]),
  );
  return table([["when", "answer", "documents"], ...rows]);
}

/** Promises that were broken; empty when all were kept. */
export function faultsOf(outcomes: readonly WayOutcome[], deaf: DeafOutcome): readonly string[] {
  const ofWays = outcomes.flatMap(({ way, fare, missingAfterReplay }) => [
    ...(fare.firstWriteAfterMs === null ? [`${way}: no write was acknowledged after the failover`] : []),
    ...(fare.failed > 0 ? [`${way}: ${fare.failed} requests failed for good`] : []),
    ...lost(way, missingAfterReplay),
  ]);
  return [...ofWays, ...lost("the program that nobody told", deaf.missingAfterReplay)];
}

function lost(who: string, ids: readonly string[]): readonly string[] {
  return ids.length === 0 ? [] : [`${who}: ${ids.length} acknowledged writes are lost: ${ids.slice(0, 5).join(", ")}`];
}
