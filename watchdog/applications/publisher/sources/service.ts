import { type EndpointState, endpointStateSchema, sameState } from "../../../core/endpoint-state.ts";
import type { Clock } from "../../../util/clock.ts";
import { messageOf } from "../../../util/errors.ts";
import type { Logger } from "../../../util/logger.ts";
import type { HttpClient } from "../http.ts";
import { type Combined, combine } from "./combine.ts";
import type { Source, SourceReport } from "./source.ts";

/** How long a service may hold a question, and how long its answer may take beyond that. */
const WAIT_S = 30;
const ANSWER_TIMEOUT_MS = 5_000;
/** After a failure, doubling; also between two answers that say the same sooner than they should. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 10_000;

interface Asked {
  readonly url: string;
  state: EndpointState | null;
  error: string | null;
  heardAtMs: number | null;
}

/**
 * The endpoint services of the routers, each asked by a long poll of its own: a switch is heard as soon as any one of
 * them knows it.
 */
export class ServiceSource implements Source {
  readonly #asked: readonly Asked[];
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(urls: readonly string[], { client, clock, log }: { client: HttpClient; clock: Clock; log: Logger }) {
    this.#asked = urls.map((url) => ({ url, state: null, error: "not asked yet", heardAtMs: null }));
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  report(): readonly SourceReport[] {
    return this.#asked.map(({ url, state, error, heardAtMs }) => ({ name: url, state, error, heardAtMs }));
  }

  async run(tell: (combined: Combined) => void, signal: AbortSignal): Promise<void> {
    const heard = () => tell(combine(this.#asked.map(({ state }) => state)));
    await Promise.all(this.#asked.map((asked) => this.#follow(asked, heard, signal)));
  }

  async #follow(asked: Asked, heard: () => void, signal: AbortSignal): Promise<void> {
    let retryMs = RETRY_MIN_MS;
    while (!signal.aborted) {
      const startedMs = this.#clock.monotonicMs();
      const before = asked.state;
      let restMs = 0;
      try {
        const state = await this.#ask(asked.url, before, signal);
        this.#learn(asked, state, null);
        retryMs = RETRY_MIN_MS;
        const news = before === null || !sameState(before, state);
        const early = this.#clock.monotonicMs() - startedMs < RETRY_MIN_MS;
        // Something on the way may not hold questions; one that cannot tell answers at once.
        if (early && (!news || state.phase === "unknown")) restMs = RETRY_MIN_MS;
      } catch (error) {
        if (signal.aborted) return;
        this.#learn(asked, null, messageOf(error));
        restMs = retryMs;
        retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      }
      heard();
      if (restMs > 0) await this.#clock.sleep(restMs, signal).catch(() => {});
    }
  }

  async #ask(service: string, known: EndpointState | null, signal: AbortSignal): Promise<EndpointState> {
    const url = new URL("/v1/endpoint", service);
    url.searchParams.set("format", "json");
    // Not after "unknown": the epoch that it names may be served by now, and the service would hold a question for another.
    const holds = known !== null && known.phase !== "unknown";
    if (holds) {
      url.searchParams.set("wait", `${WAIT_S}s`);
      url.searchParams.set("epoch", String(known.epoch));
    }
    const timeoutMs = ANSWER_TIMEOUT_MS + (holds ? WAIT_S * 1_000 : 0);
    const { status, body } = await this.#client.ask(url, { timeoutMs, signal });
    if (status !== 200 && status !== 503)
      throw new Error(`${url.host}: answered ${status}: ${body.trim().slice(0, 200)}`);
    try {
      return endpointStateSchema.parse(JSON.parse(body));
    } catch (error) {
      throw new Error(`${url.host}: an answer that is not an endpoint service's (status ${status})`, { cause: error });
    }
  }

  #learn(asked: Asked, state: EndpointState | null, error: string | null): void {
    if (error !== null && error !== asked.error) {
      this.#log.warn({ event: "source-error", source: asked.url, error }, error);
    } else if (error === null && asked.error !== null) {
      this.#log.info({ event: "source", source: asked.url }, `${asked.url} answers`);
    }
    asked.state = state;
    asked.error = error;
    if (state !== null) asked.heardAtMs = this.#clock.nowMs();
  }
}
