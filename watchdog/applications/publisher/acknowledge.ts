import type { Clock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import type { HttpClient } from "../../util/http-client.ts";
import type { Logger } from "../../util/logger.ts";
import { Wakeup } from "../../util/wakeup.ts";
import { type Acknowledgement, sameReport } from "../acknowledgements.ts";

/** Repeated, so that a restarted watchdog receives it, too. */
const REPEAT_INTERVAL_MS = 60_000;
const RETRY_INTERVAL_MS = 5_000;
const TIMEOUT_MS = 5_000;

export interface AcknowledgerOptions {
  /** Endpoint services. One that accepts is enough, because the watchdogs share acknowledgements. */
  readonly urls: readonly string[];
  readonly client: HttpClient;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Reports on behalf of applications which epoch they use, and why not a newer one. */
export class Acknowledger {
  readonly #options: AcknowledgerOptions;
  readonly #wakeup = new Wakeup();
  readonly #acknowledgements = new Map<string, Acknowledgement>();
  #error: string | null = null;

  constructor(options: AcknowledgerOptions) {
    this.#options = options;
  }

  get error(): string | null {
    return this.#error;
  }

  set(acknowledgement: Acknowledgement): void {
    const key = `${acknowledgement.application} ${acknowledgement.instance}`;
    const before = this.#acknowledgements.get(key);
    this.#acknowledgements.set(key, acknowledgement);
    if (!sameReport(before, acknowledgement)) this.#wakeup.trigger();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { urls, clock, log } = this.#options;
    if (urls.length === 0) return;
    while (!signal.aborted) {
      let restMs = REPEAT_INTERVAL_MS;
      try {
        for (const acknowledgement of [...this.#acknowledgements.values()]) await this.#send(acknowledgement, signal);
        this.#error = null;
      } catch (error) {
        if (signal.aborted) return;
        const message = messageOf(error);
        if (message !== this.#error) log.warn({ event: "acknowledge-error", error: message }, message);
        this.#error = message;
        restMs = RETRY_INTERVAL_MS;
      }
      await this.#wakeup.wait(clock, restMs, signal).catch(() => {});
    }
  }

  async #send(acknowledgement: Acknowledgement, signal: AbortSignal): Promise<void> {
    const { urls, client } = this.#options;
    const failures: string[] = [];
    for (const service of urls) {
      const url = new URL("/v1/acknowledgement", service);
      try {
        let { status, body } = await client.ask(url, requestOf(acknowledgement, signal));
        if (status === 400 && !acknowledgement.confirmed) {
          // A watchdog of an older version refuses a field that it does not know.
          const { confirmed: _, ...known } = acknowledgement;
          ({ status, body } = await client.ask(url, requestOf(known, signal)));
        }
        if (status === 204) return;
        failures.push(`${url.host}: answered ${status}: ${body.trim().slice(0, 200)}`);
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    throw new Error(
      `no endpoint service accepts the acknowledgement of ${acknowledgement.application}: ${failures.join("; ")}`,
    );
  }
}

function requestOf(report: object, signal: AbortSignal) {
  const headers = { "content-type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(report), timeoutMs: TIMEOUT_MS, signal } as const;
}
