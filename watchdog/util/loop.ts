import type { Clock } from "./clock.ts";
import { messageOf } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** A loop's sign of life, for the service manager's watchdog. */
export interface Heartbeat {
  readonly name: string;
  /** Monotonic time of the last completed round, or of the start. */
  lastMonotonicMs: number;
  /** A loop that completes no round for longer has got stuck. */
  readonly limitMs: number;
}

/** Why a wait ends before its time. Made once: an error with a stack trace for every ring would cost more than the ring. */
const NO_NEED_TO_WAIT = new Error("no need to wait any longer");

/** Lets one loop be waited for by time or by news, whichever comes first. */
export class Wakeup {
  #wake: AbortController = new AbortController();

  /** Ends the present wait, or the next one if nobody waits. */
  trigger(): void {
    this.#wake.abort(NO_NEED_TO_WAIT);
  }

  /** Ends after `ms`, when the bell rings, or when `signal` aborts (then it throws the signal's reason). */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const wake = this.#wake;
    const onAbort = () => wake.abort(NO_NEED_TO_WAIT);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (!wake.signal.aborted) await clock.sleep(ms, wake.signal);
    } catch (error) {
      if (!wake.signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (wake.signal.aborted) this.#wake = new AbortController();
    }
    signal.throwIfAborted();
  }
}

export interface LoopOptions {
  readonly heartbeat: Heartbeat;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** From the start of one round to the start of the next; a round that takes longer delays the next, never doubles it. */
  readonly intervalMs: () => number;
  readonly wakeup?: Wakeup;
}

/** Runs `round` again and again until the signal aborts. A round that throws is logged and does not end the loop. */
export async function loop(options: LoopOptions, round: () => Promise<void>): Promise<void> {
  const { heartbeat, clock, log, signal } = options;
  const bell = options.wakeup ?? new Wakeup();
  let lastError: string | null = null;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    try {
      await round();
      lastError = null;
    } catch (error) {
      if (signal.aborted) return;
      const message = messageOf(error);
      // A lost region gives the same answer in every round: said once, repeated for those who look closely.
      log[message === lastError ? "debug" : "warn"](
        { event: "loop-error", loop: heartbeat.name, error: message },
        `${heartbeat.name}: ${message}`,
      );
      lastError = message;
    }
    heartbeat.lastMonotonicMs = clock.monotonicMs();
    const restMs = Math.max(0, options.intervalMs() - (heartbeat.lastMonotonicMs - startedMs));
    try {
      await bell.wait(clock, restMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
  }
}

/** Settles like `work`, or rejects once `ms` have passed: for a call whose own bound must not be trusted. */
export async function within<T>(clock: Clock, ms: number, what: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const deadline = clock.sleep(ms, timer.signal).then(
    () => Promise.reject(new Error(`${what} gave no answer within ${ms} ms`)),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work, deadline]);
  } finally {
    timer.abort(NO_NEED_TO_WAIT);
  }
}

/**
 * Runs `work` for every item, at most `limit` at once, and goes on after failures. Returns the failures, each as a
 * sentence that begins with the item.
 */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  name: (item: T) => string,
  work: (item: T) => Promise<void>,
): Promise<readonly string[]> {
  const failures: string[] = [];
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) {
      try {
        await work(item);
      } catch (error) {
        failures.push(`${name(item)}: ${messageOf(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return failures;
}
