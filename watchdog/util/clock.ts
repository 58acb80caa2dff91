/** Time, from outside, so that the simulator can own it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  /** Never goes back, keeps its pace when the wall clock is set; milliseconds since an arbitrary start. */
  monotonicMs(): number;
  /** Ends after `ms`, or at once when `signal` aborts (then it rejects with the signal's reason). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
