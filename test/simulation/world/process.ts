import type { Clock } from "../../../watchdog/util/clock.ts";
import { type Delays, outcomeOf } from "./outcome.ts";
import type { World } from "./world.ts";

/** Wall clock at the start of every history. */
export const WALL_START_MS = Date.UTC(2030, 0, 1);

/** A machine with clocks of its own. HAProxy and watchdog of one host share them. */
export class Host {
  readonly world: World;
  /** By how much its wall clock is wrong. */
  wallOffsetMs = 0;
  /** How long it was suspended in all: its monotonic clock did not advance meanwhile. */
  suspendedMs = 0;
  #pausedSinceMs: number | null = null;
  #pausedMs = 0;

  constructor(world: World) {
    this.world = world;
  }

  wallMs(): number {
    return WALL_START_MS + this.#runningMs() + this.wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#runningMs() - this.suspendedMs;
  }

  /** Pauses the virtual machine: neither clock advances until `resume`. Its processes have to be frozen meanwhile. */
  pause(): void {
    this.#pausedSinceMs = this.world.nowMs;
  }

  resume(): void {
    if (this.#pausedSinceMs !== null) this.#pausedMs += this.world.nowMs - this.#pausedSinceMs;
    this.#pausedSinceMs = null;
  }

  #runningMs(): number {
    return (this.#pausedSinceMs ?? this.world.nowMs) - this.#pausedMs;
  }
}

/** One run of a watchdog: deliveries are held back while it is frozen, and lost once it is dead. */
export class Process {
  readonly host: Host;
  readonly #world: World;
  #isAlive = true;
  #isFrozen = false;
  #held: (() => void)[] = [];
  /** Dies at this call, counted down: before the call takes effect, or after it with the answer lost. */
  diesAt: { call: number; readonly when: "before" | "after" } | null = null;
  /** Runs when it dies of `diesAt`. */
  onDeath: () => void = () => {};
  /** When it last was frozen, thawed, or had its clock set: from then on its self-check has to fail for a while. */
  untrustedSinceMs: number | null = null;

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
      after: (ms, run) => this.#world.after(ms, () => this.deliver(run)),
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
   * A call to the outside: takes effect and is answered after the given delays. When the process dies before the
   * answer, the call has taken effect all the same.
   */
  call<T>(delays: Delays, effect: () => T): Promise<T> {
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

  /** Counts the calls down to the one at which it dies; true when the process is dead. */
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

const never = <T>() => new Promise<T>(() => {});
