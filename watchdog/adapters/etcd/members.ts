import type { Clock } from "../../util/clock.ts";
import type { AttemptFailure } from "./errors.ts";
import type { Bounds } from "./transport.ts";

/**
 * What becomes of etcd when a request is carried out twice. read, repeatable: nothing else than once; once: something
 * else, so an attempt that may have taken effect is never followed by another one.
 */
export type Effect = "read" | "repeatable" | "once";

/** What came of asking one member. */
export type Attempt<Answer> = { readonly answer: Answer } | { readonly failure: AttemptFailure };

/** What came of asking several; `endpoint` is the one that answered. */
export type Outcome<Answer> =
  | { readonly answer: Answer; readonly endpoint: string }
  | { readonly failures: readonly AttemptFailure[] };

/** A request that any member may answer. */
export interface Question<Answer> {
  readonly effect: Effect;
  /** By the monotonic clock: the end of all attempts. */
  readonly deadlineMs: number;
  /** One attempt; `bounds` are what it may take from the moment when they are asked for. */
  ask(endpoint: string, bounds: () => Bounds): Promise<Attempt<Answer>>;
}

/**
 * Which member is asked, and when the next one is. A call goes to the member that answered last and moves on to the next
 * one when that one fails or is slow, each at most once: a dead member delays the first call that finds it dead and no
 * later one. A slow member is not given up while the call lasts: on a line that loses packets its answer is on the way,
 * and a new connection would be slower still. (Dean and Barroso, "The Tail at Scale": hedged requests.)
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

  /** Asks one member after the other, from the current one on, until one answers or none is left to ask. */
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
      // What may not be sent twice is not sent at all where a connection takes too long: the next member may get it.
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

  /** What was asked for, or "slow" when it is not there after `ms`. */
  async #unlessSlow<Answer>(asked: Promise<Answer>, ms: number): Promise<Answer | "slow"> {
    const timer = new AbortController();
    const slow = () => "slow" as const;
    try {
      return await Promise.race([asked, this.#clock.sleep(ms, timer.signal).then(slow, slow)]);
    } finally {
      timer.abort();
    }
  }

  /** Later calls begin at the next endpoint, unless another call has moved on already. */
  #moveOnFrom(endpoint: string): void {
    if (this.endpoints[this.#current] === endpoint) this.#current = (this.#current + 1) % this.endpoints.length;
  }
}

/** The answer that comes first, of either; all failures when none comes. */
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
