import type { Clock } from "./clock.ts";

/** Why a wait ends early. Created once: an error with a stack trace per wakeup would cost more than the wakeup. */
const WOKEN = new Error("woken");

/** Lets a loop wait for a time or for news, whichever comes first. */
export class Wakeup {
  #trigger: AbortController = new AbortController();

  /** Ends the present wait, or the next one when none is under way. */
  trigger(): void {
    this.#trigger.abort(WOKEN);
  }

  /** Ends after `ms`, when triggered, or when `signal` aborts (then it throws the signal's reason). */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const trigger = this.#trigger;
    const onAbort = () => trigger.abort(WOKEN);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (!trigger.signal.aborted) await clock.sleep(ms, trigger.signal);
    } catch (error) {
      if (!trigger.signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (trigger.signal.aborted) this.#trigger = new AbortController();
    }
    signal.throwIfAborted();
  }
}
