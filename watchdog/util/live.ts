/** A value that is replaced while it is in use. */
export interface Live<T> {
  readonly current: T;
  /** Calls the listener for each later value, until the returned function is called. */
  readonly listen: (listener: (value: T) => void) => () => void;
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

  listen(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  map<U>(convert: (value: T) => U): Live<U> {
    return new MappedLive(this, convert);
  }
}

/** Follows its source only while someone listens to it, so that one that is dropped leaves nothing behind. */
class MappedLive<T, U> implements Live<U> {
  readonly #source: Live<T>;
  readonly #convert: (value: T) => U;
  /** The last conversion: one value of the source has one converted value. */
  #last: { readonly from: T; readonly to: U };

  constructor(source: Live<T>, convert: (value: T) => U) {
    this.#source = source;
    this.#convert = convert;
    this.#last = { from: source.current, to: convert(source.current) };
  }

  get current(): U {
    return this.#of(this.#source.current);
  }

  listen(listener: (value: U) => void): () => void {
    return this.#source.listen((value) => listener(this.#of(value)));
  }

  map<V>(convert: (value: U) => V): Live<V> {
    return new MappedLive(this, convert);
  }

  #of(from: T): U {
    if (this.#last.from !== from) this.#last = { from, to: this.#convert(from) };
    return this.#last.to;
  }
}

/** Many values are never replaced. */
export const liveOf = <T extends object>(value: T | Live<T>): Live<T> =>
  "listen" in value && "map" in value ? value : new LiveCell(value);
