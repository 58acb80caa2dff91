/**
 * For how long this watchdog has known something that a record says, by its own monotonic clock: the times in a record may
 * be of another host's clock, or of before a clock was set.
 */
export class KnownFor {
  #known: { readonly what: number; readonly sinceMonotonicMs: number } | null = null;

  /** `what` only distinguishes one from another; null: the record does not say it. */
  note(what: number | null, nowMonotonicMs: number): void {
    if (what === null) this.#known = null;
    else if (what !== this.#known?.what) this.#known = { what, sinceMonotonicMs: nowMonotonicMs };
  }

  /** null while the record does not say it. */
  knownForMs(nowMonotonicMs: number): number | null {
    return this.#known === null ? null : nowMonotonicMs - this.#known.sinceMonotonicMs;
  }
}
