/** Calls every listener, in the order in which they were added. */
export class Signal<T> {
  readonly #listeners = new Set<(value: T) => void>();

  /** Returns what removes the listener. */
  listen(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
}
