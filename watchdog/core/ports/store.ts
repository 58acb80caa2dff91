import type { HistoryEntry } from "../state/history.ts";
import type { RouterLease } from "../state/observations.ts";
import type { StateRecord } from "../state/record.ts";
import type { MemberSpace } from "../state/store-space.ts";

export interface StoredRecord {
  readonly record: StateRecord;
  /** Opaque to callers; changes with every write. */
  readonly revision: string;
}

/** A write that succeeded. */
export type Written = Pick<StoredRecord, "revision">;

/**
 * Keeps the state document, its history and the routers' leases. An error with the `kind` "rejected" is a refusal by a
 * store that can be reached; "full": it can be reached and read, and takes no write; any other error means that it cannot
 * be reached.
 */
export interface Store {
  /** null when there has never been a record. */
  read(): Promise<StoredRecord | null>;
  /**
   * The record, by one linearizable read that also confirms the leadership; null when the store has another controller
   * than this watchdog, or no record. Unlike what this watchdog believes, it is right also after a pause that no clock of
   * the host shows.
   */
  readAsController(): Promise<StoredRecord | null>;
  /**
   * Compare-and-swap; `expected` null creates. Writes nothing on "conflict". Returns the new revision, so that the next
   * write needs no read: if another write comes in between, it is a "conflict".
   */
  write(record: StateRecord, expected: string | null, entry: HistoryEntry): Promise<Written | "conflict">;
  history(limit: number): Promise<readonly HistoryEntry[]>;

  /**
   * Takes or renews this router's lease. Returns for how long it is valid, counted from the start of the call. A router
   * first takes its lease, then reads the record (rule lease-first).
   */
  renewRouterLease(router: string): Promise<{ readonly validForMs: number }>;
  acknowledge(router: string, epoch: number): Promise<void>;
  /** Routers that hold a lease now. */
  routerLeases(): Promise<readonly RouterLease[]>;
  /** What each member's data occupies; absent in a store without a quota. */
  space?(): Promise<readonly MemberSpace[]>;
}

const hasKind = (error: unknown, kind: string) => error instanceof Error && "kind" in error && error.kind === kind;

/** The store was reached and refused: to continue without it would be to override it. */
export const isRefusal = (error: unknown): boolean => hasKind(error, "rejected");

/** The store takes no write until an operator frees space: for routers it is as good as lost. */
export const isStoreFull = (error: unknown): boolean => hasKind(error, "full");

/**
 * This host's own copy of the newest state document that it has seen: a store that comes up empty is filled from the
 * copy with the highest epoch on any host.
 */
export interface RecordCopy {
  /** null when there is none. */
  read(): Promise<StateRecord | null>;
  /** Replaces the copy; it is durable once this returns. */
  write(record: StateRecord): Promise<void>;
}
