import { type EndpointState, endpointStateSchema, sameState } from "../../../core/endpoint-state.ts";
import type { Clock } from "../../../util/clock.ts";
import { messageOf } from "../../../util/errors.ts";
import type { HttpClient } from "../../../util/http-client.ts";
import type { Logger } from "../../../util/logger.ts";
import { type Combined, combine } from "./combine.ts";
import type { Source, SourceReport } from "./source.ts";

/** Duration of a long poll, and the time beyond it for an answer. */
const WAIT_S = 30;
const ANSWER_TIMEOUT_MS = 5_000;
/** Pause after a failure, doubled each time; also after an early answer without news. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 10_000;

interface Service {
  readonly url: string;
  state: EndpointState | null;
  error: string | null;
  heardAtMs: number | null;
}

/**
 * The endpoint services of the routers. Each is polled separately, so that a switch is known as soon as any of them knows
 * it.
 */
export class ServiceSource implements Source {
  readonly #services: readonly Service[];
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(urls: readonly string[], { client, clock, log }: { client: HttpClient; clock: Clock; log: Logger }) {
    this.#services = urls.map((url) => ({ url, state: null, error: "not polled yet", heardAtMs: null }));
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  report(): readonly SourceReport[] {
    return this.#services.map(({ url, state, error, heardAtMs }) => ({ name: url, state, error, heardAtMs }));
  }

  async run(publish: (combined: Combined) => void, signal: AbortSignal): Promise<void> {
    const changed = () => publish(combine(this.#services.map(({ state }) => state)));
    await Promise.all(this.#services.map((service) => this.#follow(service, changed, signal)));
  }

  async #follow(service: Service, changed: () => void, signal: AbortSignal): Promise<void> {
    let retryMs = RETRY_MIN_MS;
    while (!signal.aborted) {
      const startedMs = this.#clock.monotonicMs();
      const before = service.state;
      let restMs = 0;
      try {
        const state = await this.#poll(service.url, before, signal);
        this.#record(service, state, null);
        retryMs = RETRY_MIN_MS;
        const news = before === null || !sameState(before, state);
        const early = this.#clock.monotonicMs() - startedMs < RETRY_MIN_MS;
        // A proxy may not hold polls, and "unknown" is answered at once.
        if (early && (!news || state.phase === "unknown")) restMs = RETRY_MIN_MS;
      } catch (error) {
        if (signal.aborted) return;
        this.#record(service, null, messageOf(error));
        restMs = retryMs;
        retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      }
      changed();
      if (restMs > 0) await this.#clock.sleep(restMs, signal).catch(() => {});
    }
  }

  async #poll(service: string, known: EndpointState | null, signal: AbortSignal): Promise<EndpointState> {
    const url = new URL("/v1/endpoint", service);
    url.searchParams.set("format", "json");
    // Not after "unknown": its epoch may be serving by now, and the service would hold the poll until the next one.
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
      throw new Error(`${url.host}: not an answer of an endpoint service (status ${status})`, { cause: error });
    }
  }

  #record(service: Service, state: EndpointState | null, error: string | null): void {
    if (error !== null && error !== service.error) {
      this.#log.warn({ event: "source-error", source: service.url, error }, error);
    } else if (error === null && service.error !== null) {
      this.#log.info({ event: "source", source: service.url }, `${service.url} answers`);
    }
    service.state = state;
    service.error = error;
    if (state !== null) service.heardAtMs = this.#clock.nowMs();
  }
}
