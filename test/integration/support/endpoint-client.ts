import { request } from "undici";
import { type EndpointState, endpointStateSchema } from "../../../watchdog/core/endpoint-state.ts";

/** Longer than any answer takes, so that a service that hangs counts as none. */
const PATIENCE_MS = 10_000;

/** A client of an endpoint service, and what it was answered. */
export class EndpointClient {
  readonly #url: string;
  readonly #violations: string[] = [];
  readonly #named: string[] = [];
  #epoch = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** @returns null while nothing listens, or the service ends before it answers */
  ask(): Promise<EndpointState | null> {
    return this.#get("/v1/endpoint");
  }

  /** Asks by a long poll until the service names another epoch than the last one, or for `waitMs`. */
  wait(waitMs: number): Promise<EndpointState | null> {
    return this.#get(`/v1/endpoint?wait=${waitMs}ms&epoch=${this.#epoch}`);
  }

  /** An older epoch after a newer one. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  /** The regions that answers named, such as "1 gra", without repetitions. */
  get named(): readonly string[] {
    return this.#named;
  }

  async #get(pathAndQuery: string): Promise<EndpointState | null> {
    const answer = await request(`${this.#url}${pathAndQuery}`, {
      reset: true,
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
      .then(({ body }) => body.text())
      .catch(() => null);
    if (answer === null) return null;
    const state = endpointStateSchema.parse(JSON.parse(answer));
    // A watchdog that has just started knows no epoch yet.
    if (state.phase === "unknown") return state;
    if (state.epoch < this.#epoch)
      this.#violations.push(`an answer of epoch ${state.epoch} after one of epoch ${this.#epoch}`);
    this.#epoch = Math.max(this.#epoch, state.epoch);
    if (state.phase !== "serving") return state;
    const named = `${state.epoch} ${state.region}`;
    if (this.#named.at(-1) !== named) this.#named.push(named);
    return state;
  }
}
