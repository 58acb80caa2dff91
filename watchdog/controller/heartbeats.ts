import type { Clock } from "../util/clock.ts";
import type { Loop } from "../util/loop.ts";

/** A loop may await several bounded calls in a row; one that completes no round for longer is stuck. */
const STUCK_AFTER_MS = 120_000;

/** Liveness of the loops, for the service manager's watchdog. */
export class Heartbeats {
  readonly #clock: Clock;
  readonly #loops: { readonly name: string; lastMonotonicMs: number; readonly limitMs: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns the function to call after each round of the loop. */
  add({ name, intervalMs }: Loop): () => void {
    const heartbeat = { name, lastMonotonicMs: this.#clock.monotonicMs(), limitMs: STUCK_AFTER_MS + intervalMs() };
    this.#loops.push(heartbeat);
    return () => {
      heartbeat.lastMonotonicMs = this.#clock.monotonicMs();
    };
  }

  /** How long ago each loop last completed a round, or began its first one, in milliseconds. */
  ages(): readonly { readonly loop: string; readonly ageMs: number }[] {
    const nowMs = this.#clock.monotonicMs();
    return this.#loops.map(({ name, lastMonotonicMs }) => ({ loop: name, ageMs: nowMs - lastMonotonicMs }));
  }

  /** False when a loop is stuck. */
  isRunning(): boolean {
    const nowMs = this.#clock.monotonicMs();
    return this.#loops.every(({ lastMonotonicMs, limitMs }) => nowMs - lastMonotonicMs <= limitMs);
  }
}
