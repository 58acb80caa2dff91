import { parseStateRecord, type StateRecord } from "./record.ts";
import type { RecordCore } from "./record-core.ts";

/** A document that this version cannot read in full. */
interface Unread {
  /** The document as it was found: a copy of it loses nothing. */
  readonly original: unknown;
  /** Which field this version cannot read. */
  readonly reason: string;
}

const unread = new WeakMap<StateRecord, Unread>();

/** Why this version reads only a part of the record, as a sentence; null when it reads all of it. */
export function newerVersionOf(record: StateRecord | null): string | null {
  const found = record === null ? undefined : unread.get(record);
  return found === undefined ? null : `the record is of a newer version: upgrade this watchdog (${found.reason})`;
}

/** What to store for this record: for one of a newer version, the document as it was found. */
export function documentOf(record: StateRecord): unknown {
  return unread.get(record)?.original ?? record;
}

/**
 * Stands in for a document of a newer version: a region that serves, serves; everything else closes. It knows no plan and
 * no standby, so that nothing is decided by it, and is never written: see `newerVersionOf`.
 */
export function standIn(core: RecordCore, { original, reason }: Unread): StateRecord {
  const { epoch, sequence, phase, active, from, to, cause, startedAtMs, filledAtMs, watchdogs } = core;
  const common = { schemaVersion: 1, epoch, sequence, cause, startedAtMs, filledAtMs, watchdogs, ...none };
  const record = parseStateRecord(
    phase === "serving" && active !== undefined
      ? { ...common, phase, active, standby: "absent", inSyncAtMs: null }
      : {
          ...common,
          phase: "closing",
          from: from ?? active ?? "unknown",
          to: to ?? "unknown",
          automatic: false,
          leaderSight: null,
        },
  );
  unread.set(record, { original, reason });
  return record;
}

/** What it knows nothing of; fields with a default are left to it. */
const none = { blockedUntilMs: null, paused: null, lastFailover: null };
