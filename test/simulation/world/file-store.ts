import type { RecordCopy, Store, StoredRecord } from "../../../watchdog/core/ports/store.ts";
import type { HistoryEntry } from "../../../watchdog/core/state/history.ts";
import { parseStateRecord, type ServingRecord, type StateRecord } from "../../../watchdog/core/state/record.ts";
import type { Process, World } from "./world.ts";

/** What is on the disk of the watchdog's host: it outlives every process. */
export class Disk {
  stored: StoredRecord | null = null;
  copy: StateRecord | null = null;
  readonly history: HistoryEntry[] = [];
  /** Set by faults: the longest delay of an answer, and the share of calls that fail. */
  slowMs = 0;
  failures = 0;
  /** One call among the next ones that takes long, counted down. */
  slowCall: { call: number; readonly takesMs: number } | null = null;
  /** Told of every write before it happens. */
  onWrite: (before: StateRecord | null, after: StateRecord, rule: string, process: Process) => void = () => {};
  #revisions = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** The file store, as one process sees it; leases are in its memory, as with the real one. */
  store(process: Process, router: string, leaseTtlMs: number): Store {
    // A router may still be routing by a ticket of the run before, so it counts as holding a lease from the start.
    const leases = new Map([[router, { untilMs: process.host.monotonicMs() + leaseTtlMs, acknowledgedEpoch: 0 }]]);
    return {
      read: () => this.#ask(process, () => this.stored),
      write: (record, expected, entry) =>
        this.#ask(process, () => {
          if ((this.stored?.revision ?? null) !== expected) return "conflict";
          this.#revisions += 1;
          this.onWrite(this.stored?.record ?? null, record, entry.rule, process);
          // Through the schema, as everything that comes from a disk.
          this.stored = { record: parseStateRecord(structuredClone(record)), revision: String(this.#revisions) };
          this.history.push(entry);
          return { revision: this.stored.revision };
        }),
      history: (limit) => this.#ask(process, () => this.history.slice(-limit)),
      renewRouterLease: (name) =>
        this.#ask(process, () => {
          const acknowledgedEpoch = leases.get(name)?.acknowledgedEpoch ?? 0;
          leases.set(name, { untilMs: process.host.monotonicMs() + leaseTtlMs, acknowledgedEpoch });
          return { validForMs: leaseTtlMs };
        }),
      acknowledge: (name, epoch) =>
        this.#ask(process, () => {
          const lease = leases.get(name);
          if (lease !== undefined) lease.acknowledgedEpoch = Math.max(lease.acknowledgedEpoch, epoch);
        }),
      routerLeases: () =>
        this.#ask(process, () =>
          [...leases]
            .filter(([, { untilMs }]) => untilMs > process.host.monotonicMs())
            .map(([name, { acknowledgedEpoch }]) => ({ router: name, acknowledgedEpoch })),
        ),
    };
  }

  /** An operator's command: written whatever the watchdog does, by compare-and-swap as everything is. */
  command(change: (record: ServingRecord) => StateRecord): boolean {
    if (this.stored?.record.phase !== "serving") return false;
    this.#revisions += 1;
    this.stored = { record: parseStateRecord(change(this.stored.record)), revision: String(this.#revisions) };
    return true;
  }

  recordCopy(process: Process): RecordCopy {
    return {
      read: () => process.call({ effectMs: 0, answerMs: 0 }, () => this.copy),
      write: (record) =>
        process.call({ effectMs: 0, answerMs: 0 }, () => {
          this.copy = record;
        }),
    };
  }

  #ask<T>(process: Process, answer: () => T): Promise<T> {
    const { random } = this.#world;
    if (random.chance(this.failures)) {
      return process.call({ effectMs: 5, answerMs: 0 }, () => {
        throw new Error("input/output error");
      });
    }
    if (this.slowCall !== null && --this.slowCall.call < 0) {
      const { takesMs } = this.slowCall;
      this.slowCall = null;
      const effectMs = random.between(0, takesMs);
      return process.call({ effectMs, answerMs: takesMs - effectMs }, answer);
    }
    // A slow disk is not slow for everybody: only so do calls overtake each other.
    const isSlow = this.slowMs > 0 && random.chance(0.4);
    const delayMs = isSlow ? random.between(0, this.slowMs) : random.chance(0.1) ? random.between(1, 20) : 0;
    const effectMs = random.between(0, delayMs);
    return process.call({ effectMs, answerMs: delayMs - effectMs }, answer);
  }
}
