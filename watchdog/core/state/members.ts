import type { WatchdogConfig } from "../../config/schema.ts";
import type { Member } from "./record.ts";

/** This watchdog as a member: what the record registers of it. */
export function memberOf({ name, site, router, failsafe }: WatchdogConfig): Member {
  return { name, site, router: router === null ? null : name, failsafeUrl: failsafe?.url ?? null };
}

/**
 * For how long each member that does not report has been silent, as one watchdog saw it. Only time in which the store gave
 * the reports counts: without the store every watchdog is silent.
 */
export type Silence = Readonly<Record<string, number>>;

/**
 * The silence after one more reading of the reports.
 *
 * @param sinceLastMs time since the reading before; 0 when that failed, and for the first one
 */
export function silenceAfter(
  before: Silence,
  members: readonly string[],
  reporting: readonly string[],
  sinceLastMs: number,
): Silence {
  const silent = members.filter((name) => !reporting.includes(name));
  return Object.fromEntries(silent.map((name) => [name, name in before ? (before[name] ?? 0) + sinceLastMs : 0]));
}
