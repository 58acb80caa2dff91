const REPEAT_AFTER_MS = 60_000;

/** Says each new sentence at once and one that stays true once a minute: a journal that can be read. */
export class Repeater {
  readonly #say: (sentence: string) => void;
  #last = "";
  #saidAtMs = 0;

  constructor(say: (sentence: string) => void) {
    this.#say = say;
  }

  say(sentence: string): void {
    const nowMs = performance.now();
    if (sentence === this.#last && nowMs - this.#saidAtMs < REPEAT_AFTER_MS) return;
    this.#last = sentence;
    this.#saidAtMs = nowMs;
    this.#say(sentence);
  }
}
