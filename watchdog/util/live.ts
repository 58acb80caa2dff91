/** A value that is replaced while it is in use. */
export interface Live<T> {
  readonly current: T;
  /** Calls the listener for each later value. */
  readonly listen: (listener: (value: T) => void) => void;
  readonly map: <U>(convert: (value: T) => U) => Live<U>;
}

/** The side that replaces it. */
export class LiveCell<T> implements Live<T> {
  #current: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#current = value;
  }

  get current(): T {
    return this.#current;
  }

  set(value: T): void {
    this.#current = value;
    for (const listener of this.#listeners) listener(value);
  }

  listen(listener: (value: T) => void): void {
    this.#listeners.add(listener);
  }

  map<U>(convert: (value: T) => U): Live<U> {
    const mapped = new LiveCell(convert(this.#current));
    this.listen((value) => mapped.set(convert(value)));
    return mapped;
  }
}

/** Many values are never replaced. */
export const liveOf = <T extends object>(value: T | Live<T>): Live<T> =>
  "listen" in value && "map" in value ? value : new LiveCell(value);
