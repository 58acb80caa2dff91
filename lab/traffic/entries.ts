/** An entry that did not answer is skipped for this time, unless no other one is left. */
export const SKIP_MS = 5_000;

/**
 * Chooses an application's entry for each request as client libraries with a list of hosts do: round robin, without
 * entries that did not answer lately. An entry that refuses a request is alive and stays in use.
 */
export class Entries {
  readonly #urls: readonly string[];
  readonly #nowMs: () => number;
  readonly #skippedUntilMs = new Map<string, number>();
  #position: number;

  /** @param preferred position of the first entry to use, modulo their number */
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

  /** The current entry served or refused the request. */
  answered(): void {
    this.#advance();
  }

  /** The current entry did not answer. */
  silent(): void {
    this.#skippedUntilMs.set(this.current, this.#nowMs() + SKIP_MS);
    this.#advance();
  }

  /** To the next entry that is not skipped; if all are, to the one whose time ends first. */
  #advance(): void {
    const inOrder = this.#urls.map((_, step) => (this.#position + 1 + step) % this.#urls.length);
    const usable = inOrder.find((position) => this.#skipEndOf(position) <= this.#nowMs());
    const firstAgain = inOrder.reduce((a, b) => (this.#skipEndOf(b) < this.#skipEndOf(a) ? b : a));
    this.#position = usable ?? firstAgain;
  }

  #skipEndOf(position: number): number {
    return this.#skippedUntilMs.get(this.#urls[position] ?? "") ?? 0;
  }
}
