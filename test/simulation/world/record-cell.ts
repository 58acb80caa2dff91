import type { StoredRecord } from "../../../watchdog/core/ports/store.ts";
import type { HistoryEntry } from "../../../watchdog/core/state/history.ts";
import { parseStateRecord, type ServingRecord, type StateRecord } from "../../../watchdog/core/state/record.ts";
import type { Process } from "./process.ts";
import { Signal } from "./signal.ts";

/** A watchdog's write of the record. */
export interface RecordWrite {
  readonly before: StateRecord | null;
  readonly after: StateRecord;
  readonly rule: string;
  readonly process: Process;
  /** When the watchdog sent it: a slow store takes it later. */
  readonly sentAtMs: number;
}

interface CellWrite {
  readonly record: StateRecord;
  readonly expected: string | null;
  readonly entry: HistoryEntry;
  readonly sentAtMs: number;
}

/** The record in a store, changed by compare-and-swap, and its history. */
export class RecordCell {
  /** Assigned directly by faults and scenarios alone. */
  stored: StoredRecord | null = null;
  readonly history: HistoryEntry[] = [];
  /** Emitted before a watchdog's write takes effect. */
  readonly writing = new Signal<RecordWrite>();
  #revision = 0;

  write(
    { record, expected, entry, sentAtMs }: CellWrite,
    process: Process,
  ): { readonly revision: string } | "conflict" {
    if ((this.stored?.revision ?? null) !== expected) return "conflict";
    this.writing.emit({ before: this.stored?.record ?? null, after: record, rule: entry.rule, process, sentAtMs });
    this.history.push(entry);
    return this.#put(record);
  }

  /** An operator's command. Returns whether it was taken: only a region that serves takes one. */
  command(change: (record: ServingRecord) => StateRecord): boolean {
    if (this.stored?.record.phase !== "serving") return false;
    this.#put(change(this.stored.record));
    return true;
  }

  #put(record: StateRecord): StoredRecord {
    this.#revision += 1;
    // Through the schema, which copies it, like everything that is read from a store.
    this.stored = { record: parseStateRecord(record), revision: String(this.#revision) };
    return this.stored;
  }
}
