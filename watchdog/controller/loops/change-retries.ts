import type { Clock } from "../../util/clock.ts";

/** Delay before a change is repeated, doubled each time up to the limit. */
const RETRY_FIRST_MS = 2_000;
const RETRY_MAX_MS = 120_000;

/** When a change, by its description, may be made again. */
export class ChangeRetries {
  readonly #clock: Clock;
  readonly #retries = new Map<string, { readonly delayMs: number; readonly notBeforeMonotonicMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isDue(change: string): boolean {
    const retry = this.#retries.get(change);
    return retry === undefined || this.#clock.monotonicMs() >= retry.notBeforeMonotonicMs;
  }

  /** To be called also after a success: a cluster that accepts a change without showing it must not be asked in every round. */
  note(change: string): void {
    const now = this.#clock.monotonicMs();
    const retry = this.#retries.get(change);
    const delayMs = Math.min(RETRY_MAX_MS, retry === undefined ? RETRY_FIRST_MS : retry.delayMs * 2);
    this.#retries.set(change, { delayMs, notBeforeMonotonicMs: now + delayMs });
    for (const [key, { notBeforeMonotonicMs }] of this.#retries) {
      if (now - notBeforeMonotonicMs > 2 * RETRY_MAX_MS) this.#retries.delete(key);
    }
  }
}
