/** An entry that gave no answer at all is left alone for this long, while another one is there. */
export const REST_MS = 5_000;

/**
 * Which of several entries an application uses for a request, as a client library with a list of hosts does it: each in
 * its turn, but for those that gave no answer lately. One that refuses is alive, and has its turn again.
 */
export class Entries {
  readonly #urls: readonly string[];
  readonly #nowMs: () => number;
  readonly #restsUntilMs = new Map<string, number>();
  #position: number;

  /** @param preferred position of the entry to begin with; counted around */
  constructor(urls: readonly string[], preferred: number, nowMs: () => number = () => performance.now()) {
    if (urls.length === 0) throw new Error("an application needs at least one entry");
    this.#urls = urls;
    this.#position = preferred % urls.length;
    this.#nowMs = nowMs;
  }

  get current(): string {
    const url = this.#urls[this.#position];
    if (url === undefined) throw new Error(`no entry at position ${this.#position}`);
    return url;
  }

  /** It served the request, or refused it: either way it is alive. */
  answered(): void {
    this.#moveOn();
  }

  /** It did not answer. */
  silent(): void {
    this.#restsUntilMs.set(this.current, this.#nowMs() + REST_MS);
    this.#moveOn();
  }

  /** To the next entry that does not rest; where all do, to the one that has rested longest. */
  #moveOn(): void {
    const inOrder = this.#urls.map((_, step) => (this.#position + 1 + step) % this.#urls.length);
    const rested = inOrder.find((position) => this.#restOf(position) <= this.#nowMs());
    const longest = inOrder.reduce((a, b) => (this.#restOf(b) < this.#restOf(a) ? b : a));
    this.#position = rested ?? longest;
  }

  #restOf(position: number): number {
    return this.#restsUntilMs.get(this.#urls[position] ?? "") ?? 0;
  }
}
