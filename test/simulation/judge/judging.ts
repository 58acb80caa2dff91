import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import type { Watchdog } from "../../../watchdog/controller/watchdog.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { CreateWatchdog, SimRegions } from "../world/regions.ts";
import { checkLedger, summary } from "./invariants.ts";

/** How long a system has to come to rest after the last fault. */
const REST_WITHIN_MS = 150_000;
/** Only a write that was acknowledged this long after healing shows that the system serves again. */
const QUIET_MS = 5_000;

export interface HistoryOptions {
  readonly create?: CreateWatchdog;
  readonly change?: (config: WatchdogConfig) => WatchdogConfig;
  /** Only these faults, and more of them: to come quickly to where a certain defect shows. */
  readonly faults?: readonly string[];
}

/** What every history tells. */
export interface Judgement {
  readonly seed: number;
  /** null when every invariant held. */
  readonly violation: string | null;
  readonly acknowledged: number;
  readonly failovers: number;
  readonly restarts: number;
  readonly log: readonly string[];
}

/** A system that was started, with its faults on the clock. */
export interface Course {
  readonly seed: number;
  readonly system: SimRegions;
  /** When the last fault is over, and what ends those that are not. */
  readonly healedMs: number;
  readonly heal: () => void;
  /** Whether a system that serves writes from the active region is at rest in every other way. */
  readonly isAtRest: (record: Extract<StateRecord, { phase: "serving" }>) => boolean;
  /** Those of this moment, by name. */
  readonly watchdogs: () => readonly (readonly [name: string, watchdog: Watchdog | null])[];
}

/** Runs a history to its end: faults, healing, rest. */
export async function judgeHistory(course: Course): Promise<Judgement> {
  const { seed, system } = course;
  const violation = await violationIn(course);
  const { ledger, failovers, restarts, log } = system;
  return { seed, violation, acknowledged: ledger.length, failovers: failovers.length, restarts, log };
}

async function violationIn(course: Course): Promise<string | null> {
  const { system, healedMs } = course;
  const { world } = system;
  try {
    await world.runUntil(healedMs);
    course.heal();
    const isAtRest = restWatcher(course);
    await world.runUntil(healedMs + REST_WITHIN_MS, isAtRest);
    if (!isAtRest()) world.report("7", `not at rest ${REST_WITHIN_MS} ms after the last fault: ${situation(course)}`);
    checkLedger(system);
    // What they say of themselves can always be said.
    JSON.stringify(course.watchdogs().map(([, watchdog]) => [watchdog?.status(), watchdog?.explain()]));
    if (world.violation !== null) throw world.violation;
    return null;
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    return world.violation === null ? (error.stack ?? error.message) : error.message;
  }
}

/** At rest: serving, with a write acknowledged by the active region a while after healing, and whatever else is asked. */
function restWatcher({ system, isAtRest }: Course): () => boolean {
  const quietFromMs = system.world.nowMs + QUIET_MS;
  return () => {
    const record = system.disk.stored?.record;
    const last = system.ledger.at(-1);
    return (
      record?.phase === "serving" &&
      last !== undefined &&
      last.atMs > quietFromMs &&
      last.region === record.active &&
      isAtRest(record)
    );
  };
}

function situation({ system, watchdogs }: Course): string {
  const record = system.disk.stored?.record;
  const said = watchdogs().map(([name, watchdog]) => {
    const status = watchdog?.status();
    return `${name}: ${status?.summary}; router: ${status?.router?.summary}, ${status?.router?.error}`;
  });
  return [record === undefined ? "no record" : summary(record), ...said].join("\n");
}
