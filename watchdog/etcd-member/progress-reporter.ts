const REPEAT_AFTER_MS = 60_000;

/** Reports each new sentence at once, and an unchanged one every minute, to keep the journal readable. */
export class ProgressReporter {
  readonly #report: (sentence: string) => void;
  #last = "";
  #reportedAtMs = 0;

  constructor(report: (sentence: string) => void) {
    this.#report = report;
  }

  report(sentence: string): void {
    const nowMs = performance.now();
    if (sentence === this.#last && nowMs - this.#reportedAtMs < REPEAT_AFTER_MS) return;
    this.#last = sentence;
    this.#reportedAtMs = nowMs;
    this.#report(sentence);
  }
}
