export interface Event {
  readonly atMs: number;
  readonly order: number;
  /** null: cancelled. */
  run: (() => void) | null;
}

const isBefore = (a: Event, b: Event) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** Events by time, then by creation: a binary heap. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #created = 0;

  push(atMs: number, run: () => void): Event {
    const event: Event = { atMs, order: this.#created++, run };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
    return event;
  }

  /** Removes the first event, unless it is after `endMs`. */
  popUntil(endMs: number): Event | null {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > endMs) return null;
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(last: Event): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let smaller = left;
      if (right !== undefined && isBefore(right, left)) {
        smaller = right;
        child += 1;
      }
      if (isBefore(last, smaller)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }
}
