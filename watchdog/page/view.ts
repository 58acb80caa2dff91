import type { StatusAnswer } from "../controller/control-api/api.ts";
import type { HistoryEntry } from "../core/state/history.ts";
import type { SalvageEntry } from "../salvage/exports.ts";
import type { LagSample } from "./lag-samples.ts";

/** What was last read from somewhere that may not answer. */
export interface LastRead<T> {
  /** null: never read. */
  readonly value: T | null;
  /** Why the value may be old; null when it is not. */
  readonly error: string | null;
}

/** All that the page shows. */
export interface PageView {
  readonly status: StatusAnswer;
  /** Newest entries of the store's history, oldest first. */
  readonly history: LastRead<readonly HistoryEntry[]>;
  /** Exports on this host. */
  readonly exports: LastRead<readonly SalvageEntry[]>;
  readonly lag: readonly LagSample[];
  /** A standby further behind is not in sync. */
  readonly maxLagOperations: number;
  readonly version: string;
}
