import type { Clock } from "../../../watchdog/util/clock.ts";
import { Random } from "./random.ts";

/** Wall clock at the start of every history. */
const WALL_START_MS = Date.UTC(2030, 0, 1);

interface Event {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

/**
 * Virtual time. Events run in order of time, then of their making; after each the microtasks it set off are run to
 * their end before time goes on, so a history depends on its seed alone.
 */
export class World {
  readonly random: Random;
  nowMs = 0;
  /** Called after every event. */
  check: () => void = () => {};
  /** The first invariant that was broken. */
  violation: Violation | null = null;
  readonly #queue: Event[] = [];
  #order = 0;
  #isTouched = false;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** Runs `run` after `delayMs`; the returned function takes it back. */
  after(delayMs: number, run: () => void): () => void {
    const event: Event = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run };
    push(this.#queue, event);
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

  /** Ends the history with what was broken; told, not thrown, as it may be found in the middle of a process's call. */
  report(invariant: string, message: string): void {
    this.violation ??= new Violation(invariant, `${message} (at ${(this.nowMs / 1000).toFixed(1)} s)`);
  }

  /** To be called when an event settled a promise, so that its continuations run before time goes on. */
  touch(): void {
    this.#isTouched = true;
  }

  async runUntil(endMs: number, isOver: () => boolean = () => false): Promise<void> {
    await settled();
    for (;;) {
      const event = this.#queue[0];
      if (event === undefined || event.atMs > endMs) break;
      pop(this.#queue);
      if (event.run === null) continue;
      this.nowMs = event.atMs;
      event.run();
      if (this.#isTouched) {
        this.#isTouched = false;
        await settled();
      }
      this.check();
      if (this.violation !== null) throw this.violation;
      if (isOver()) return;
    }
    this.nowMs = endMs;
  }
}

/** A macrotask later, every microtask that was due has run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

const isBefore = (a: Event, b: Event) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || isBefore(above, event)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    const left = heap[child];
    if (left === undefined) break;
    const right = heap[child + 1];
    let smaller = left;
    if (right !== undefined && isBefore(right, left)) {
      smaller = right;
      child += 1;
    }
    if (isBefore(last, smaller)) break;
    heap[at] = smaller;
    at = child;
  }
  heap[at] = last;
}

/** A machine with clocks of its own. HAProxy and watchdog of one host share them. */
export class Host {
  readonly world: World;
  /** How far its wall clock is off. */
  wallOffsetMs = 0;
  /** How long it was suspended in all: its monotonic clock stood still meanwhile. */
  suspendedMs = 0;

  constructor(world: World) {
    this.world = world;
  }

  wallMs(): number {
    return WALL_START_MS + this.world.nowMs + this.wallOffsetMs;
  }

  monotonicMs(): number {
    return this.world.nowMs - this.suspendedMs;
  }
}

/** One run of a watchdog: what comes in is held back while it is frozen, and lost once it is dead. */
export class Process {
  readonly host: Host;
  readonly #world: World;
  #isAlive = true;
  #isFrozen = false;
  #held: (() => void)[] = [];
  /** Dies at this call, counted down: before the call takes effect, or after it with the answer lost. */
  diesAt: { call: number; readonly when: "before" | "after" } | null = null;
  /** Told when it dies of `diesAt`. */
  onDeath: () => void = () => {};
  /** When it last was frozen, thawed, or had its clock set: from then on it may not trust itself. */
  doubtfulSinceMs: number | null = null;

  constructor(host: Host) {
    this.host = host;
    this.#world = host.world;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  kill(): void {
    this.#isAlive = false;
    this.#held = [];
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) run();
    this.#world.touch();
  }

  deliver(run: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isFrozen) {
      this.#held.push(run);
      return;
    }
    this.#world.touch();
    run();
  }

  /** The clock as this process sees it. */
  clock(): Clock {
    return {
      nowMs: () => this.host.wallMs(),
      monotonicMs: () => this.host.monotonicMs(),
      sleep: (ms, signal) =>
        new Promise<void>((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          const cancel = this.#world.after(ms, () => this.deliver(settle));
          const abort = () => {
            cancel();
            reject(signal?.reason);
          };
          function settle() {
            signal?.removeEventListener("abort", abort);
            resolve();
          }
          signal?.addEventListener("abort", abort, { once: true });
        }),
    };
  }

  /**
   * A call to the outside: takes effect and is answered after the given delays. A call that this process does not live
   * to hear the answer of has taken effect all the same.
   */
  call<T>(delays: { readonly effectMs: number; readonly answerMs: number }, effect: () => T): Promise<T> {
    if (this.diesNow("before")) return never();
    if (delays.effectMs + delays.answerMs === 0) {
      const outcome = outcomeOf(effect);
      if (this.diesNow("after")) return never();
      return outcome.ok ? Promise.resolve(outcome.value) : Promise.reject(outcome.error);
    }
    return new Promise<T>((resolve, reject) => {
      this.#world.after(delays.effectMs, () => {
        const outcome = outcomeOf(effect);
        if (this.diesNow("after")) return;
        const answer = () => (outcome.ok ? resolve(outcome.value) : reject(outcome.error));
        this.#world.after(delays.answerMs, () => this.deliver(answer));
      });
    });
  }

  /** Counts a call down to the one it dies of; true when this process does not go on. */
  diesNow(when: "before" | "after"): boolean {
    if (!this.#isAlive) return true;
    if (this.diesAt === null || this.diesAt.when !== when) return false;
    this.diesAt.call -= 1;
    if (this.diesAt.call > 0) return false;
    this.kill();
    this.onDeath();
    return true;
  }
}

type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** A broken invariant. */
export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.name = "Violation";
    this.invariant = invariant;
  }
}

function outcomeOf<T>(effect: () => T): Result<T> {
  try {
    return { ok: true, value: effect() };
  } catch (error) {
    return { ok: false, error };
  }
}

const never = <T>() => new Promise<T>(() => {});
