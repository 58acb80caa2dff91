import type { RegionName } from "../../config/address.ts";
import type { HealthState } from "./health.ts";
import type { StateRecord } from "./record.ts";

/** What one watchdog sees of one region, as its own probes add up. */
export interface RegionReport {
  readonly state: HealthState;
  readonly failuresInARow: number;
  readonly successesInARow: number;
  /** In words, for `status` and `explain`. */
  readonly reason: string;
}

/** What one watchdog tells the others. It vanishes with its lease when the watchdog falls silent. */
export interface WatchdogReport {
  readonly watchdog: string;
  /** The site it stands in: watchdogs of one site count once. */
  readonly site: string;
  readonly regions: Readonly<Record<RegionName, RegionReport>>;
  /** Wall clock of the watchdog that publishes. */
  readonly atMs: number;
  /** Epoch of the newest record it knows; null when it knows none. */
  readonly epoch: number | null;
  /** Its own copy of the record, told only while that is newer than the store's. */
  readonly copy: StateRecord | null;
}
