import type { Store } from "../../../watchdog/core/ports/store.ts";
import type { Process } from "./process.ts";
import { RecordCell } from "./record-cell.ts";
import type { Connection, SimStore, StoreUser } from "./store.ts";
import type { World } from "./world.ts";

/** The file store on the disk of the only watchdog: it outlives every process. */
export class FileStore implements SimStore {
  readonly cell = new RecordCell();
  /** Set by faults: the longest delay of an answer, and the share of calls that fail. */
  slowMs = 0;
  failures = 0;
  /** One of the next calls that takes long, counted down. */
  slowCall: { call: number; readonly takesMs: number } | null = null;
  readonly #world: World;
  readonly #ttlMs: number;

  constructor(world: World, ttlMs: number) {
    this.#world = world;
    this.#ttlMs = ttlMs;
  }

  wipe(): void {
    this.cell.stored = null;
  }

  /** The file is shared by all runs; leases are in the memory of each, as with the real one. */
  connect({ process, watchdog }: StoreUser): Connection {
    const { cell } = this;
    const ask = <T>(answer: () => T) => this.#ask(process, answer);
    const monotonicMs = () => process.host.monotonicMs();
    // A router may still route by a ticket of the run before, so it counts as holding a lease from the start.
    const leases = new Map([[watchdog, { untilMs: monotonicMs() + this.#ttlMs, acknowledgedEpoch: 0 }]]);
    const store: Store = {
      read: () => ask(() => cell.stored),
      readAsController: () => ask(() => cell.stored),
      write: (record, expected, entry) => {
        const sentAtMs = this.#world.nowMs;
        return ask(() => cell.write({ record, expected, entry, sentAtMs }, process));
      },
      history: (limit) => ask(() => cell.history.slice(-limit)),
      renewRouterLease: (router) =>
        ask(() => {
          const acknowledgedEpoch = leases.get(router)?.acknowledgedEpoch ?? 0;
          leases.set(router, { untilMs: monotonicMs() + this.#ttlMs, acknowledgedEpoch });
          return { validForMs: this.#ttlMs };
        }),
      acknowledge: (router, epoch) =>
        ask(() => {
          const lease = leases.get(router);
          if (lease !== undefined) lease.acknowledgedEpoch = Math.max(lease.acknowledgedEpoch, epoch);
        }),
      routerLeases: () =>
        ask(() =>
          [...leases]
            .filter(([, { untilMs }]) => untilMs > monotonicMs())
            .map(([router, { acknowledgedEpoch }]) => ({ router, acknowledgedEpoch })),
        ),
    };
    return { store, coordination: null };
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
    // Only some calls are slow, so that calls overtake each other.
    const isSlow = this.slowMs > 0 && random.chance(0.4);
    const delayMs = isSlow ? random.between(0, this.slowMs) : random.chance(0.1) ? random.between(1, 20) : 0;
    const effectMs = random.between(0, delayMs);
    return process.call({ effectMs, answerMs: delayMs - effectMs }, answer);
  }
}
