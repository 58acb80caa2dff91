import type { Clock } from "../../util/clock.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptFailure } from "./errors.ts";
import type { Bounds } from "./transport.ts";

/**
 * What a second run of a request does. read, repeatable: no harm; once: harm, so an attempt that may have taken effect is
 * never followed by another one.
 */
export type Effect = "read" | "repeatable" | "once";

/** The result over all members; `endpoint` is the one that answered. */
export type Outcome<Answer> =
  | { readonly answer: Answer; readonly endpoint: string }
  | { readonly failures: readonly AttemptFailure[] };

/** A request that any member may answer. */
export interface Question<Answer> {
  readonly effect: Effect;
  /** End of all attempts, by the monotonic clock. */
  readonly deadlineMs: number;
  /** One attempt; `bounds` are what it may take from the moment it calls for them. */
  ask(endpoint: string, bounds: () => Bounds): Promise<Attempt<Answer>>;
}

/**
 * Chooses the member to ask, and the moment to ask the next one. A call goes to the member that answered last and moves on
 * when that member fails or is slow, to each member at most once: a dead member delays only the first call that finds it
 * dead. A slow member stays in the race while the call lasts: on a line that loses packets its answer is on the way, and a
 * new connection would be slower still. (Dean and Barroso, "The Tail at Scale": hedged requests.)
 */
export class Members {
  readonly endpoints: readonly string[];
  readonly #hedgeAfterMs: number;
  readonly #clock: Clock;
  #current = 0;

  constructor(endpoints: readonly string[], hedgeAfterMs: number, clock: Clock) {
    this.endpoints = endpoints;
    this.#hedgeAfterMs = hedgeAfterMs;
    this.#clock = clock;
  }

  /** Asks one member after the other, starting at the current one, until one answers or none is left. */
  async ask<Answer>(question: Question<Answer>): Promise<Outcome<Answer>> {
    const inOrder = [...this.endpoints.slice(this.#current), ...this.endpoints.slice(0, this.#current)];
    const outcome = await this.#askFrom(inOrder, question);
    if ("answer" in outcome) this.#current = this.endpoints.indexOf(outcome.endpoint);
    return outcome;
  }

  async #askFrom<Answer>(
    [endpoint, ...others]: readonly string[],
    question: Question<Answer>,
  ): Promise<Outcome<Answer>> {
    const { deadlineMs, effect } = question;
    if (endpoint === undefined || this.#clock.monotonicMs() >= deadlineMs) return { failures: [] };
    const asked = this.#askOne(endpoint, question);
    const early = effect === "once" ? await asked : await this.#unlessSlow(asked, this.#patienceMs(deadlineMs));
    if (early === "slow") {
      this.#moveOnFrom(endpoint);
      return firstAnswer(asked, this.#askFrom(others, question));
    }
    if ("answer" in early) return early;
    if (!early.failures.every(({ anotherMemberMayAnswer }) => anotherMemberMayAnswer)) return early;
    this.#moveOnFrom(endpoint);
    if (effect === "once" && early.failures.some(({ mayHaveTakenEffect }) => mayHaveTakenEffect)) return early;
    const rest = await this.#askFrom(others, question);
    return "answer" in rest ? rest : { failures: [...early.failures, ...rest.failures] };
  }

  async #askOne<Answer>(endpoint: string, { effect, deadlineMs, ask }: Question<Answer>): Promise<Outcome<Answer>> {
    const bounds = () => ({
      // A request that must not be sent twice is not sent over a slow connection: the next member may get it.
      connectionMs: effect === "once" ? this.#patienceMs(deadlineMs) : this.#leftMs(deadlineMs),
      answerMs: this.#leftMs(deadlineMs),
    });
    const found = await ask(endpoint, bounds);
    return "failure" in found ? { failures: [found.failure] } : { ...found, endpoint };
  }

  #leftMs(deadlineMs: number): number {
    return Math.max(1, Math.ceil(deadlineMs - this.#clock.monotonicMs()));
  }

  #patienceMs(deadlineMs: number): number {
    return Math.min(this.#hedgeAfterMs, this.#leftMs(deadlineMs));
  }

  /** The result, or "slow" when there is none after `ms`. */
  async #unlessSlow<Answer>(asked: Promise<Answer>, ms: number): Promise<Answer | "slow"> {
    const timer = new AbortController();
    const slow = () => "slow" as const;
    try {
      return await Promise.race([asked, this.#clock.sleep(ms, timer.signal).then(slow, slow)]);
    } finally {
      timer.abort();
    }
  }

  /** Later calls start at the next endpoint, unless another call has moved on already. */
  #moveOnFrom(endpoint: string): void {
    if (this.endpoints[this.#current] === endpoint) this.#current = (this.#current + 1) % this.endpoints.length;
  }
}

/** The first answer of the two; all failures when neither answers. */
function firstAnswer<Answer>(one: Promise<Outcome<Answer>>, other: Promise<Outcome<Answer>>): Promise<Outcome<Answer>> {
  return new Promise((resolve, reject) => {
    const failures: (readonly AttemptFailure[])[] = [];
    const take = (at: number) => (outcome: Outcome<Answer>) => {
      if ("answer" in outcome) return resolve(outcome);
      failures[at] = outcome.failures;
      if (failures[0] !== undefined && failures[1] !== undefined) resolve({ failures: failures.flat() });
    };
    one.then(take(0), reject);
    other.then(take(1), reject);
  });
}
