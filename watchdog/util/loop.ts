import type { Clock } from "./clock.ts";
import { messageOf } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { Wakeup } from "./wakeup.ts";

/** Work that is repeated at an interval. */
export interface Loop {
  /** For the log. */
  readonly name: string;
  /** From the start of one round to the start of the next, milliseconds; a longer round delays the next one. */
  readonly intervalMs: () => number;
  readonly round: () => Promise<void>;
  /** Starts the next round early. */
  readonly wakeup?: Wakeup;
}

export interface LoopOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called after each round, whether it succeeded or failed. */
  readonly onRound?: () => void;
}

/** Runs a loop until the signal aborts. A round that throws is logged and does not end the loop. */
export async function runLoop({ name, intervalMs, round, wakeup = new Wakeup() }: Loop, options: LoopOptions) {
  const { clock, log, signal, onRound } = options;
  let lastError: string | null = null;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    try {
      await round();
      lastError = null;
    } catch (error) {
      if (signal.aborted) return;
      const message = messageOf(error);
      // A lost region fails every round with the same error: logged once, and repeated at level debug.
      const level = message === lastError ? "debug" : "warn";
      log[level]({ event: "loop-error", loop: name, error: message }, `${name}: ${message}`);
      lastError = message;
    }
    onRound?.();
    try {
      await wakeup.wait(clock, Math.max(0, intervalMs() - (clock.monotonicMs() - startedMs)), signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
  }
}
