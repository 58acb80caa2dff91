export interface HedgeOptions<T> {
  /** Bound on the whole, milliseconds. */
  readonly timeoutMs: number;
  /** The next candidate is asked as well when the ones before it have said nothing for this long, milliseconds. */
  readonly staggerMs: number;
  /** An answer that ends the search. Others are kept only for the case that nothing better comes. */
  isConclusive(answer: T): boolean;
  /** An error that ends the search, because every other candidate would say the same. */
  isFinal(error: unknown): boolean;
  /** An error that says more than that of a candidate before it: that one did not answer, this one did. */
  isTelling(error: unknown): boolean;
}

export interface HedgeResult<T> {
  readonly answer: T;
  /** Position of the candidate that gave it. */
  readonly candidate: number;
}

type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Asks the first candidate, and, when it fails or is slow, the following ones beside it, so that a dead node costs
 * `staggerMs` and not the whole timeout. The first conclusive answer wins and the others are aborted. Only for
 * requests that may be sent twice. When nobody answered as hoped, throws the first telling error, else the first one, else
 * an error named TimeoutError.
 */
export function hedged<T>(attempts: readonly Attempt<T>[], options: HedgeOptions<T>): Promise<HedgeResult<T>> {
  const aborter = new AbortController();
  return new Promise<HedgeResult<T>>((resolve, reject) => {
    let started = 0;
    let pending = 0;
    let fallback: HedgeResult<T> | undefined;
    let told: unknown;
    let stagger: NodeJS.Timeout | undefined;

    const settle = (): void => {
      clearTimeout(deadline);
      clearTimeout(stagger);
      aborter.abort();
      if (fallback !== undefined) resolve(fallback);
      else reject(told ?? new DOMException(`no answer within ${options.timeoutMs} ms`, "TimeoutError"));
    };
    const deadline = setTimeout(settle, options.timeoutMs);

    const next = (): void => {
      clearTimeout(stagger);
      const candidate = started;
      const attempt = attempts[candidate];
      if (attempt === undefined || aborter.signal.aborted) return;
      started += 1;
      pending += 1;
      stagger = setTimeout(next, options.staggerMs);
      attempt(aborter.signal).then(
        (answer) => {
          if (aborter.signal.aborted) return;
          pending -= 1;
          if (options.isConclusive(answer)) {
            fallback = { answer, candidate };
            settle();
            return;
          }
          fallback ??= { answer, candidate };
          continueOrSettle();
        },
        (error: unknown) => {
          if (aborter.signal.aborted) return;
          pending -= 1;
          if (options.isFinal(error)) {
            fallback = undefined;
            told = error;
            settle();
            return;
          }
          if (told === undefined || (options.isTelling(error) && !options.isTelling(told))) told = error;
          continueOrSettle();
        },
      );
    };
    const continueOrSettle = (): void => {
      if (started < attempts.length) next();
      else if (pending === 0) settle();
    };
    next();
  });
}
