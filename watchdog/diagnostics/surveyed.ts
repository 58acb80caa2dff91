import type { DriftReport } from "./drift/compare.ts";
import type { Check } from "./preflight/check.ts";
import type { LeaseEnd } from "./preflight/leases.ts";

/** What the controller has surveyed last. */
export interface SystemSurvey {
  readonly atMs: number;
  readonly checks: readonly Check[];
  /** null where it is not known, and without followers. */
  readonly leaseEnd: LeaseEnd | null;
  readonly drift: DriftReport;
}

/** An export on this host's disk. */
export interface UnsettledSalvage {
  /** `<epoch>-<region>`. */
  readonly salvage: string;
  /** Operations that were neither replayed nor found in the active region. */
  readonly operations: number;
}

export interface Surveyed {
  /** null on a watchdog that is not the controller, and before its first survey. */
  readonly system: SystemSurvey | null;
  readonly salvages: readonly UnsettledSalvage[];
}
