/** Time as a dependency, so that the simulator can control it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start. Never decreases, and ignores changes of the wall clock. */
  monotonicMs(): number;
  /** Calls `run` after `ms`; the returned function cancels that. */
  after(ms: number, run: () => void): () => void;
  /** Resolves after `ms`; rejects with the signal's reason as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
