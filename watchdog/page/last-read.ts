import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import type { LastRead } from "./view.ts";

/** A reader of the page waits no longer for the store or the disk. */
const PATIENCE_MS = 500;

export interface LastReadOptions<T> {
  readonly read: () => Promise<T>;
  /** A value is read again after this time, and at once when the version changes. */
  readonly maxAgeMs: number;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
}

/** Keeps the last value of a source, so that its readers cost it nothing and never wait for it long. */
export class LastReadCell<T> {
  readonly #options: LastReadOptions<T>;
  #last: LastRead<T> = { value: null, error: null };
  #read: { readonly atMs: number; readonly version: string } | null = null;
  #reading: Promise<void> | null = null;

  constructor(options: LastReadOptions<T>) {
    this.#options = options;
  }

  get last(): LastRead<T> {
    return this.#last;
  }

  /** Reads again where the value is too old, or of another version; never twice at a time. */
  async refresh(version = ""): Promise<void> {
    const { maxAgeMs, clock } = this.#options;
    const isFresh = this.#read?.version === version && clock.monotonicMs() - this.#read.atMs < maxAgeMs;
    if (!isFresh) this.#reading ??= this.#renew(version).finally(() => (this.#reading = null));
    if (this.#reading === null) return;
    const patience = new AbortController();
    const enough = clock.sleep(PATIENCE_MS, patience.signal).catch(() => undefined);
    await Promise.race([this.#reading, enough]);
    patience.abort();
  }

  async #renew(version: string): Promise<void> {
    this.#read = { atMs: this.#options.clock.monotonicMs(), version };
    try {
      this.#last = { value: await this.#options.read(), error: null };
    } catch (error) {
      this.#last = { value: this.#last.value, error: messageOf(error) };
    }
  }
}
