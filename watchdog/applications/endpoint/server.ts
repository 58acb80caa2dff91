import type { IncomingMessage, ServerResponse } from "node:http";
import type { EndpointState } from "../../core/endpoint-state.ts";
import type { Clock } from "../../util/clock.ts";
import { limitPerAddress } from "../../util/connection-limit.ts";
import { reasonOf } from "../../util/files.ts";
import { createServer, listenOn, textOf } from "../../util/http-server.ts";
import { type Live, liveOf } from "../../util/live.ts";
import { type Acknowledgements, acknowledgementSchema } from "../acknowledgements.ts";
import { EndpointActivity, type EndpointRequest, outcomeOf } from "./activity.ts";
import { EndpointBoard } from "./board.ts";
import { BadQuery, parseQuery, requestOf, urlOf } from "./query.ts";

/** A report is short; a client that sends more, or more slowly, is refused. */
const MAX_BODY_BYTES = 4_096;
const REQUEST_TIMEOUT_MS = 5_000;
/** A connection that does not begin TLS, or no request, ends by these: Node's own bounds are 120 s and 60 s. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const CHECK_INTERVAL_MS = 1_000;
/** Keeps the connections of clients that poll every second or hold a long poll. */
const KEEP_ALIVE_MS = 75_000;
/** Below the unit's limit of open files, so that the watchdog itself always has some left. */
const MAX_CONNECTIONS = 3_000;
/** So that one host, by mistake or on purpose, does not take the place of all others. */
const MAX_CONNECTIONS_PER_ADDRESS = 1_500;
/** After a failover all clients connect at once. */
const BACKLOG = 1_024;

export interface EndpointTls {
  readonly cert: string;
  readonly key: string;
}

export interface EndpointServerOptions {
  /** Address and port: "192.168.1.101:9201"; port 0 takes a free one. */
  readonly listen: string;
  /** Certificate and key as PEM; null: plain HTTP. */
  readonly tls: EndpointTls | Live<EndpointTls> | null;
  /** Site of this watchdog. */
  readonly site: string;
  /** Called for every request, so it must be cheap. */
  readonly currentState: () => EndpointState;
  /** Whether every loop of the watchdog runs. */
  readonly isRunning: () => boolean;
  readonly acknowledgements: Acknowledgements;
  /** Counts the requests; default: they are counted for this server alone. */
  readonly activity?: EndpointActivity;
  readonly clock: Pick<Clock, "nowMs">;
  /** Default: 1,500. */
  readonly maxConnectionsPerAddress?: number;
}

export interface EndpointServer {
  readonly port: number;
  /** Answers held polls with the current state. */
  close(): Promise<void>;
}

/**
 * Serves the endpoint to applications and load balancers, over HTTP or HTTPS, without authentication: nothing in its
 * answers is secret.
 *
 * @throws Error when it cannot listen on the address
 */
export async function serveEndpoint(options: EndpointServerOptions): Promise<EndpointServer> {
  const { listen, tls } = options;
  const stop = new AbortController();
  const service = new EndpointService(options, stop.signal);
  const limits = {
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => void service.handle(incoming, outgoing);
  const server = createServer(tls === null ? null : liveOf(tls), limits, handle);
  server.maxConnections = MAX_CONNECTIONS;
  limitPerAddress(server, options.maxConnectionsPerAddress ?? MAX_CONNECTIONS_PER_ADDRESS);
  const port = await listenOn(server, listen, "the endpoint service", BACKLOG);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        stop.abort();
        // Held polls are answered in this turn of the event loop.
        setImmediate(() => server.closeAllConnections());
      }),
  };
}

class EndpointService {
  readonly #options: EndpointServerOptions;
  readonly #board: EndpointBoard;
  readonly #activity: EndpointActivity;
  readonly #stop: AbortSignal;

  constructor(options: EndpointServerOptions, stop: AbortSignal) {
    this.#options = options;
    this.#board = new EndpointBoard(options.currentState);
    this.#activity = options.activity ?? new EndpointActivity();
    this.#stop = stop;
  }

  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    let request: EndpointRequest = "unknown";
    try {
      const { pathname, searchParams } = urlOf(incoming.url ?? "/");
      request = requestOf(pathname, searchParams);
      if (pathname === "/v1/acknowledgement") await this.#acknowledge(incoming, outgoing);
      else if (incoming.method !== "GET" && incoming.method !== "HEAD") {
        answer(outgoing, 405, "use GET or HEAD here", { allow: "GET, HEAD" });
      } else if (pathname === "/v1/endpoint") await this.#endpoint(searchParams, incoming, outgoing);
      else this.#role(pathname, searchParams, outgoing);
    } catch (error) {
      if (outgoing.headersSent) outgoing.destroy();
      else answer(outgoing, error instanceof BadQuery ? 400 : 500, reasonOf(error));
    } finally {
      this.#activity.requests.add({ request, outcome: outcomeOf(outgoing) });
    }
  }

  async #endpoint(query: URLSearchParams, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { format, poll } = parseQuery(query, incoming.headers.accept);
    if (poll !== null) {
      const gone = new AbortController();
      outgoing.once("close", () => gone.abort());
      this.#activity.held += 1;
      await this.#board.wait(poll.epoch, poll.waitMs, AbortSignal.any([gone.signal, this.#stop]));
      this.#activity.held -= 1;
    }
    const { status, headers, body, etag } = this.#board.answer(format);
    // Never 304 for a 503: the client would take it for "continue as before".
    const known = status === 200 && matches(incoming.headers["if-none-match"], etag);
    if (known) outgoing.writeHead(304, { etag, "cache-control": "no-cache", vary: "accept" }).end();
    else outgoing.writeHead(status, headers).end(body);
  }

  /** 200 or 503 for load balancers, with a short text for people. */
  #role(pathname: string, query: URLSearchParams, outgoing: ServerResponse): void {
    const { site, isRunning } = this.#options;
    const { state } = this.#board;
    const serving = state.phase === "serving" ? state.region : null;
    const summary =
      serving === null ? `${state.phase}, epoch ${state.epoch}` : `${serving} serves, epoch ${state.epoch}`;
    const region = query.get("region") ?? site;
    const holds = {
      "/active": serving === region,
      "/standby": serving !== null && serving !== region,
      "/healthz": isRunning(),
      "/readyz": isRunning() && serving !== null,
    }[pathname];
    if (holds === undefined) {
      answer(outgoing, 404, "the paths are /v1/endpoint, /v1/acknowledgement, /active, /standby, /healthz and /readyz");
    } else answer(outgoing, holds ? 200 : 503, summary);
  }

  async #acknowledge(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { acknowledgements, clock } = this.#options;
    if (incoming.method !== "POST") return answer(outgoing, 405, "use POST here", { allow: "POST" });
    const acknowledgement = acknowledgementSchema.safeParse(await bodyOf(incoming));
    if (!acknowledgement.success) {
      const [issue] = acknowledgement.error.issues;
      return answer(outgoing, 400, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`);
    }
    if (acknowledgements.receive(acknowledgement.data, clock.nowMs())) outgoing.writeHead(204).end();
    else answer(outgoing, 503, "too many instances report to this watchdog");
  }
}

function answer(
  outgoing: ServerResponse,
  status: number,
  sentence: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(`${sentence}\n`);
  outgoing
    .writeHead(status, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": body.length,
      "cache-control": "no-cache",
      ...headers,
    })
    .end(body);
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}

async function bodyOf(incoming: IncomingMessage): Promise<unknown> {
  const text = await textOf(incoming, MAX_BODY_BYTES);
  if (text === null) throw new BadQuery(`the report is longer than ${MAX_BODY_BYTES} bytes`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadQuery(`the report is not JSON: ${reasonOf(error)}`);
  }
}
