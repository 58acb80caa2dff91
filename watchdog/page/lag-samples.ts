/** One look at how far the standby is behind. */
export interface LagSample {
  readonly atMs: number;
  /** null: not known then. */
  readonly operations: number | null;
}

/** Between two samples. */
export const SAMPLE_INTERVAL_MS = 10_000;
/** An hour. */
const SAMPLES_KEPT = 360;

/** The last samples, for the graph. In memory alone: a restart begins with none. */
export class LagSamples {
  #samples: readonly LagSample[] = [];

  /** Oldest first. */
  get all(): readonly LagSample[] {
    return this.#samples;
  }

  add(sample: LagSample): void {
    this.#samples = [...this.#samples, sample].slice(-SAMPLES_KEPT);
  }
}
