import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { System } from "../world/system.ts";
import type { AbsentLeaders } from "./absent-leaders.ts";
import type { Truth } from "./truth.ts";

/** What a system is judged by: itself, and what happened in it so far. */
export interface Evidence {
  readonly system: System;
  readonly truth: Truth;
  readonly absentLeaders: AbsentLeaders;
  highestEpoch: number;
  /** When each verification began with which a promotion ends. */
  readonly verifications: number[];
  /** When each automatic failover ended. */
  readonly failovers: number[];
  /** When each switchover ended. */
  readonly switchovers: number[];
}

export function summary(record: StateRecord): string {
  const where = record.phase === "serving" ? record.active : `${record.from} to ${record.to}`;
  return `${record.phase} ${where} (epoch ${record.epoch})`;
}
