import { type EndpointState, sameState } from "../../core/endpoint-state.ts";
import { type Answer, type AnswerFormat, renderAnswers } from "./answers.ts";

/** How often the state is read while a client waits for a change: the end of a ticket causes no event. */
const CHECK_INTERVAL_MS = 50;

interface Waiter {
  readonly epoch: number;
  readonly wake: () => void;
}

/**
 * The current state with its answers, ready to send. Reading it costs a comparison; answers are rendered once per
 * change, for any number of clients.
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
   * Resolves when the state is news for a client that knows `epoch`, after `waitMs`, or when `signal` aborts. Another
   * phase of the same epoch is not news.
   */
  wait(epoch: number, waitMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || isNews(this.state, epoch)) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#waiters.delete(waiter);
        this.#checkWhileClientsWait();
        resolve();
      };
      const waiter: Waiter = { epoch, wake: end };
      const timer = setTimeout(end, waitMs);
      signal.addEventListener("abort", end, { once: true });
      this.#waiters.add(waiter);
      this.#checkWhileClientsWait();
    });
  }

  #checkWhileClientsWait(): void {
    if (this.#waiters.size === 0) {
      clearInterval(this.#timer ?? undefined);
      this.#timer = null;
    } else {
      this.#timer ??= setInterval(() => {
        const { state } = this;
        for (const { epoch, wake } of [...this.#waiters]) if (isNews(state, epoch)) wake();
      }, CHECK_INTERVAL_MS);
    }
  }
}

/** "unknown" is answered at once, so that the client asks another watchdog. */
function isNews(state: EndpointState, knownEpoch: number): boolean {
  return state.phase === "unknown" || state.epoch !== knownEpoch;
}
