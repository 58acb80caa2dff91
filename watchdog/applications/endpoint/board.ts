import { type EndpointState, sameState } from "../../core/endpoint-state.ts";
import { type Answer, type AnswerFormat, renderAnswers } from "./answers.ts";

/** How often a state is looked at while somebody waits for it to change: a ticket runs out without telling anybody. */
const LOOK_INTERVAL_MS = 50;

interface Waiter {
  readonly epoch: number;
  readonly wake: () => void;
}

/**
 * The present state with its answers, ready to be sent. Looking at it costs a comparison; answers are made once per
 * change, however many clients ask.
 */
export class EndpointBoard {
  readonly #currentState: () => EndpointState;
  #state: EndpointState;
  #answers: Readonly<Record<AnswerFormat, Answer>>;
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | null = null;

  constructor(currentState: () => EndpointState) {
    this.#currentState = currentState;
    this.#state = currentState();
    this.#answers = renderAnswers(this.#state);
  }

  get state(): EndpointState {
    const state = this.#currentState();
    if (!sameState(state, this.#state)) {
      this.#state = state;
      this.#answers = renderAnswers(state);
    }
    return this.#state;
  }

  answer(format: AnswerFormat): Answer {
    void this.state;
    return this.#answers[format];
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /**
   * Ends when there is news for somebody who knows `epoch`, after `waitMs`, or when `signal` aborts. No news is: the same
   * epoch serves, or is still being changed.
   */
  wait(epoch: number, waitMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || isNews(this.state, epoch)) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#waiters.delete(waiter);
        this.#lookWhileSomebodyWaits();
        resolve();
      };
      const waiter: Waiter = { epoch, wake: end };
      const timer = setTimeout(end, waitMs);
      signal.addEventListener("abort", end, { once: true });
      this.#waiters.add(waiter);
      this.#lookWhileSomebodyWaits();
    });
  }

  #lookWhileSomebodyWaits(): void {
    if (this.#waiters.size === 0) {
      clearInterval(this.#timer ?? undefined);
      this.#timer = null;
    } else {
      this.#timer ??= setInterval(() => {
        const { state } = this;
        for (const { epoch, wake } of [...this.#waiters]) if (isNews(state, epoch)) wake();
      }, LOOK_INTERVAL_MS);
    }
  }
}

/** A watchdog that cannot tell says so at once, so that its client asks another one. */
function isNews(state: EndpointState, knownEpoch: number): boolean {
  return state.phase === "unknown" || state.epoch !== knownEpoch;
}
