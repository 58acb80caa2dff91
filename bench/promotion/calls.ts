import { subscribe, unsubscribe } from "node:diagnostics_channel";

/** One HTTP request to Elasticsearch, from its first byte to the end of its answer. */
export interface Call {
  readonly kind: string;
  readonly startedMs: number;
  durationMs: number | null;
}

/** Kinds of HTTP requests by method and path, for any names of indices. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/^POST \/_ccr\/auto_follow\/[^/]+\/pause/, "pause auto-follow"],
  [/^POST \/[^/]+\/_ccr\/pause_follow/, "pause following"],
  [/^POST \/[^/]+\/_close/, "close"],
  [/^POST \/[^/]+\/_ccr\/unfollow/, "unfollow"],
  [/^POST \/[^/]+\/_open/, "open"],
  [/^(DELETE \/[^/]+\/_doc\/|POST \/_bulk)/, "probe write"],
  [/^GET \//, "read"],
];

interface UndiciRequest {
  readonly origin: string | URL;
  readonly method: string;
  readonly path: string;
}

/** Records this process's HTTP requests to one cluster, as reported by the HTTP client. */
export class CallRecorder {
  readonly #origin: string;
  readonly #inFlight = new Map<object, Call>();
  #calls: Call[] = [];
  #concurrentMax = 0;
  readonly #subscriptions: readonly (readonly [string, (message: unknown) => void])[];

  /** @param url of the cluster's only node */
  constructor(url: string) {
    this.#origin = new URL(url).origin;
    const ended = (message: unknown) => this.#ended((message as { request: object }).request);
    this.#subscriptions = [
      ["undici:request:create", (message) => this.#began((message as { request: UndiciRequest }).request)],
      ["undici:request:trailers", ended],
      ["undici:request:error", ended],
    ];
    for (const [channel, handler] of this.#subscriptions) subscribe(channel, handler);
  }

  /** Requests since the last call. */
  take(): { readonly calls: readonly Call[]; readonly changesAtOnce: number } {
    const taken = { calls: this.#calls, changesAtOnce: this.#concurrentMax };
    this.#calls = [];
    this.#concurrentMax = 0;
    return taken;
  }

  close(): void {
    for (const [channel, handler] of this.#subscriptions) unsubscribe(channel, handler);
  }

  #began(request: UndiciRequest): void {
    if (new URL(request.origin).origin !== this.#origin) return;
    const line = `${request.method} ${request.path}`;
    const kind = kinds.find(([pattern]) => pattern.test(line))?.[1] ?? line;
    const call = { kind, startedMs: performance.now(), durationMs: null };
    this.#inFlight.set(request, call);
    this.#calls.push(call);
    const changes = [...this.#inFlight.values()].filter((other) => other.kind !== "read").length;
    this.#concurrentMax = Math.max(this.#concurrentMax, changes);
  }

  #ended(request: object): void {
    const call = this.#inFlight.get(request);
    if (call === undefined) return;
    call.durationMs = performance.now() - call.startedMs;
    this.#inFlight.delete(request);
  }
}
