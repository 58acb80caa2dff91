import type { Clock } from "../../../watchdog/util/clock.ts";

/** Time that advances only when nothing else can run; events happen in the order of their times. */
export class VirtualTime implements Clock {
  #nowMs = 0;
  #sequence = 0;
  readonly #events: { readonly atMs: number; readonly sequence: number; readonly happen: () => void }[] = [];

  nowMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    let isCancelled = false;
    this.at(this.#nowMs + ms, () => {
      if (!isCancelled) run();
    });
    return () => {
      isCancelled = true;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.at(this.#nowMs + ms, resolve));
  }

  at(atMs: number, happen: () => void): void {
    this.#events.push({ atMs: Math.max(atMs, this.#nowMs), sequence: this.#sequence++, happen });
  }

  /** Advances to `endMs`; `look` is called after every event. */
  async runUntil(endMs: number, look: () => void = () => {}): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      look();
      this.#events.sort((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);
      const next = this.#events[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#events.shift();
      // Also at the last moment before the event: a hold must be valid until its end.
      if (next.atMs > this.#nowMs) {
        this.#nowMs = next.atMs - 0.001;
        look();
      }
      this.#nowMs = next.atMs;
      next.happen();
    }
    this.#nowMs = endMs;
  }

  /** Advances until a promise has settled. */
  async settle<Result>(promise: Promise<Result>): Promise<Result> {
    let settled = false;
    promise.finally(() => (settled = true)).catch(() => {});
    for (;;) {
      await this.runUntil(this.#nowMs);
      if (settled) return promise;
      const nextMs = Math.min(...this.#events.map(({ atMs }) => atMs));
      if (nextMs === Infinity) throw new Error("nothing will ever settle this promise");
      await this.runUntil(nextMs);
    }
  }
}
