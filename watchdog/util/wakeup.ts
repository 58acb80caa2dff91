import type { Clock } from "./clock.ts";

/** Lets a loop wait for a time or for news, whichever comes first. */
export class Wakeup {
  #isTriggered = false;
  #end: () => void = () => {};

  /** Ends the present wait, or the next one when none is under way. */
  trigger(): void {
    this.#isTriggered = true;
    this.#end();
  }

  /** Ends after `ms`, when triggered, or when `signal` aborts (then it throws the signal's reason). */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isTriggered) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#end = resolve;
      const cancel = clock.after(ms, resolve);
      signal.addEventListener("abort", this.#end, { once: true });
      await promise;
      signal.removeEventListener("abort", this.#end);
      cancel();
    }
    this.#isTriggered = false;
    signal.throwIfAborted();
  }
}
