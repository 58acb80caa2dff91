import type { HistoryEntry } from "../state/history.ts";
import type { RouterLease } from "../state/observations.ts";
import type { StateRecord } from "../state/record.ts";

export interface StoredRecord {
  readonly record: StateRecord;
  /** Opaque to callers; changes with every write. */
  readonly revision: string;
}

/** How a write of the record came out. */
export type Written = Pick<StoredRecord, "revision">;

/**
 * Where the one state document lives. An error with the `kind` "rejected" is a refusal by a store that can be reached;
 * any other one means that it cannot.
 */
export interface Store {
  /** null when there has never been a record. */
  read(): Promise<StoredRecord | null>;
  /**
   * Compare-and-swap; `expected` null creates. Writes nothing on "conflict". Returns the revision that the record has
   * now, so that the next write may follow without a read: should another one come in between, it is a "conflict".
   */
  write(record: StateRecord, expected: string | null, entry: HistoryEntry): Promise<Written | "conflict">;
  history(limit: number): Promise<readonly HistoryEntry[]>;

  /**
   * Takes or renews this router's lease. Returns how long it holds, counted from the moment the call began. A router
   * first takes its lease, then reads the record (rule lease-first).
   */
  renewRouterLease(router: string): Promise<{ readonly validForMs: number }>;
  acknowledge(router: string, epoch: number): Promise<void>;
  /** Routers that hold a lease now. */
  routerLeases(): Promise<readonly RouterLease[]>;
}

/**
 * This host's own copy of the newest state document it has seen, apart from the store: a store that comes up empty is
 * filled from the highest epoch that any watchdog still has.
 */
export interface RecordCopy {
  /** null when there is none. */
  read(): Promise<StateRecord | null>;
  /** Replaces the copy, durable once it returns. */
  write(record: StateRecord): Promise<void>;
}
