import { EventQueue } from "./events.ts";
import { Random } from "./random.ts";
import { inTurns } from "./turns.ts";

/** A broken invariant. */
export class Violation extends Error {
  /** The number or name of the invariant in docs and mutants. */
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.name = "Violation";
    this.invariant = invariant;
  }
}

/**
 * Virtual time. Events run in the order of their time, then of their creation. All microtasks that an event causes end
 * before the next event, so a history depends on its seed alone.
 */
export class World {
  readonly random: Random;
  nowMs = 0;
  /** Runs after every event. */
  check: () => void = () => {};
  /** The first invariant that was broken. */
  violation: Violation | null = null;
  readonly #queue = new EventQueue();
  #isTouched = false;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** Runs `run` after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const event = this.#queue.push(this.nowMs + Math.max(0, delayMs), run);
    return () => {
      event.run = null;
    };
  }

  every(intervalMs: number, run: () => void): void {
    this.after(intervalMs, () => {
      run();
      this.every(intervalMs, run);
    });
  }

  /** Ends the history after the present event. Does not throw: the caller may be inside a call of a watchdog. */
  report(invariant: string, message: string): void {
    this.violation ??= new Violation(invariant, `${message} (at ${(this.nowMs / 1000).toFixed(1)} s)`);
  }

  /** To be called by an event that settled a promise: its continuations run before the next event. */
  touch(): void {
    this.#isTouched = true;
  }

  /** Runs the events up to `endMs`, or until `isOver`. Throws the first violation. */
  runUntil(endMs: number, isOver: () => boolean = () => false): Promise<void> {
    this.#isTouched = false;
    let isPending = false;
    return inTurns(() => {
      // What the last turn's event settled has run.
      if (isPending && this.#hasEnded(isOver)) return false;
      isPending = false;
      for (;;) {
        const event = this.#queue.popUntil(endMs);
        if (event === null) break;
        if (event.run === null) continue;
        this.nowMs = event.atMs;
        event.run();
        if (this.#isTouched) {
          this.#isTouched = false;
          isPending = true;
          return true;
        }
        if (this.#hasEnded(isOver)) return false;
      }
      this.nowMs = endMs;
      return false;
    });
  }

  #hasEnded(isOver: () => boolean): boolean {
    this.check();
    if (this.violation !== null) throw this.violation;
    return isOver();
  }
}
