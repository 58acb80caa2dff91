export interface HedgeOptions<T> {
  /** Bound on the whole, milliseconds. */
  readonly timeoutMs: number;
  /** The next candidate is asked as well after this long without an answer, milliseconds. */
  readonly staggerMs: number;
  /** Whether an answer ends the search. The first other answer is used only when no conclusive one comes. */
  isConclusive(answer: T): boolean;
  /** Whether an error ends the search, because every other candidate would give the same. */
  isFinal(error: unknown): boolean;
  /** How much an error tells: the highest of the candidates' errors is thrown, the first one among equals. */
  weightOf(error: unknown): number;
}

export interface HedgeResult<T> {
  readonly answer: T;
  /** Position of the candidate that gave it. */
  readonly candidate: number;
}

type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Asks the first candidate and, when it fails or is slow, the following ones beside it, so that a dead node costs
 * `staggerMs` instead of the whole timeout. The first conclusive answer wins, and the other attempts are aborted. Only for
 * requests that may be sent twice. Without an answer it throws the error that tells most, or else an error named TimeoutError.
 */
export function hedged<T>(attempts: readonly Attempt<T>[], options: HedgeOptions<T>): Promise<HedgeResult<T>> {
  return new Promise((resolve, reject) => new HedgedSearch(attempts, options, resolve, reject).start());
}

class HedgedSearch<T> {
  readonly #attempts: readonly Attempt<T>[];
  readonly #options: HedgeOptions<T>;
  readonly #resolve: (result: HedgeResult<T>) => void;
  readonly #reject: (error: unknown) => void;
  readonly #aborter = new AbortController();
  #started = 0;
  #pending = 0;
  #result: HedgeResult<T> | undefined;
  #error: unknown;
  #deadline: NodeJS.Timeout | undefined;
  #stagger: NodeJS.Timeout | undefined;

  constructor(
    attempts: readonly Attempt<T>[],
    options: HedgeOptions<T>,
    resolve: (result: HedgeResult<T>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#attempts = attempts;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    this.#deadline = setTimeout(() => this.#settle(), this.#options.timeoutMs);
    this.#next();
  }

  #next(): void {
    clearTimeout(this.#stagger);
    const candidate = this.#started;
    const attempt = this.#attempts[candidate];
    if (attempt === undefined || this.#aborter.signal.aborted) return;
    this.#started += 1;
    this.#pending += 1;
    this.#stagger = setTimeout(() => this.#next(), this.#options.staggerMs);
    attempt(this.#aborter.signal).then(
      (answer) => this.#takeAnswer({ answer, candidate }),
      (error: unknown) => this.#takeError(error),
    );
  }

  #takeAnswer(result: HedgeResult<T>): void {
    if (this.#aborter.signal.aborted) return;
    this.#pending -= 1;
    if (this.#options.isConclusive(result.answer)) {
      this.#result = result;
      this.#settle();
    } else {
      this.#result ??= result;
      this.#continue();
    }
  }

  #takeError(error: unknown): void {
    if (this.#aborter.signal.aborted) return;
    this.#pending -= 1;
    const { isFinal, weightOf } = this.#options;
    if (isFinal(error)) {
      this.#result = undefined;
      this.#error = error;
      this.#settle();
    } else {
      if (this.#error === undefined || weightOf(error) > weightOf(this.#error)) this.#error = error;
      this.#continue();
    }
  }

  #continue(): void {
    if (this.#started < this.#attempts.length) this.#next();
    else if (this.#pending === 0) this.#settle();
  }

  #settle(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#stagger);
    this.#aborter.abort();
    const { timeoutMs } = this.#options;
    if (this.#result !== undefined) this.#resolve(this.#result);
    else this.#reject(this.#error ?? new DOMException(`no answer within ${timeoutMs} ms`, "TimeoutError"));
  }
}
