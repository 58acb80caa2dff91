import { readFileSync } from "node:fs";
import { Client, errors } from "@elastic/elasticsearch";
import { buildConnector, Pool } from "undici";
import type { RegionName } from "../../config/address.ts";
import { messageOf } from "../../util/errors.ts";
import { CONNECT_FAILED, connectFailed, toClusterError } from "./errors.ts";
import { hedged } from "./hedge.ts";

/** What every single request carries. The client has no default timeout of its own. */
export interface CallOptions {
  readonly requestTimeout: number;
  readonly maxRetries: 0;
  readonly signal: AbortSignal;
}

type Call<T> = (client: Client, options: CallOptions) => Promise<T>;

export interface NodesOptions {
  readonly region: RegionName;
  /** https URLs of all nodes of the region. */
  readonly nodes: readonly string[];
  readonly username: string;
  readonly password: string;
  /** PEM file of the CA that signed the nodes' certificates. */
  readonly caFile: string;
  /** Bound on a request, milliseconds. */
  readonly requestTimeoutMs: number;
  /** Bound on making a connection, TLS included, milliseconds. Default 2 000: 20 round trips over an ocean. */
  readonly connectTimeoutMs?: number;
}

/**
 * The nodes of one region, asked one by one: a client per node, so that it is known which one was asked and whether a
 * request can have taken effect. No sniffing (the addresses are given), no retries.
 */
export class RegionNodes {
  readonly region: RegionName;
  readonly requestTimeoutMs: number;
  readonly #clients: readonly Client[];
  readonly #urls: readonly string[];
  readonly #pools: Pool[] = [];
  /** Position of the node that answered last: it is asked first. */
  #preferred = 0;

  constructor(options: NodesOptions) {
    this.region = options.region;
    this.requestTimeoutMs = options.requestTimeoutMs;
    this.#urls = options.nodes;
    const ca = readFileSync(options.caFile);
    this.#clients = options.nodes.map((url) => clientOf(url, options, ca, (pool) => this.#pools.push(pool)));
  }

  /**
   * A request without effect: hedged over the nodes, so that dead ones cost little of the timeout.
   *
   * @param what the request in words, for the error: "read cluster health"
   * @throws ClusterError
   */
  async read<T>(
    what: string,
    call: Call<T>,
    timeoutMs: number = this.requestTimeoutMs,
    isConclusive: (answer: T) => boolean = () => true,
  ): Promise<T> {
    const order = this.#order();
    try {
      const { answer, candidate } = await hedged(
        order.map(
          (position) => (signal: AbortSignal) =>
            call(this.#client(position), { requestTimeout: timeoutMs, maxRetries: 0, signal }),
        ),
        {
          timeoutMs,
          // Every node gets its turn within the first half of the timeout, and a second half to answer in.
          staggerMs: Math.max(50, Math.floor(timeoutMs / (2 * order.length))),
          isConclusive,
          isFinal: isRefusal,
          isTelling: (error) => error instanceof errors.ResponseError,
        },
      );
      if (isConclusive(answer)) this.#preferred = order[candidate] ?? this.#preferred;
      return answer;
    } catch (error) {
      throw toClusterError(this.region, what, asTimeout(error, timeoutMs));
    }
  }

  /**
   * A request with effect: sent to one node, at most once. Another node is asked only where no connection was made,
   * so that nothing can have been sent.
   *
   * @param giveUp ends the wait for the answer and gives the connection back; whether it took effect stays open
   * @throws ClusterError
   */
  async change<T>(
    what: string,
    call: Call<T>,
    timeoutMs: number = this.requestTimeoutMs,
    giveUp?: AbortSignal,
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    let firstError: unknown;
    for (const position of this.#order()) {
      const remainingMs = Math.ceil(deadline - performance.now());
      if (remainingMs <= 0) break;
      try {
        const answer = await withDeadline(remainingMs, (deadlineSignal) => {
          const signal = giveUp === undefined ? deadlineSignal : AbortSignal.any([deadlineSignal, giveUp]);
          return call(this.#client(position), { requestTimeout: remainingMs, maxRetries: 0, signal });
        });
        this.#preferred = position;
        return answer;
      } catch (error) {
        firstError ??= error;
        if (!(error instanceof errors.ResponseError)) this.#preferred = (position + 1) % this.#clients.length;
        if (!connectFailed(error)) {
          throw toClusterError(this.region, what, asTimeout(error, timeoutMs));
        }
      }
    }
    throw toClusterError(this.region, what, asTimeout(firstError, timeoutMs));
  }

  /** Breaks off what is under way. A graceful close would go on connecting to a lost node, on behalf of nobody. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }

  #order(): readonly number[] {
    return this.#clients.map((_, offset) => (this.#preferred + offset) % this.#clients.length);
  }

  #client(position: number): Client {
    const client = this.#clients[position];
    if (client === undefined)
      throw new RangeError(`${this.region} has no node ${position} of ${this.#urls.join(", ")}`);
    return client;
  }
}

/** Also bounds the reading of the answer's body, which the client's own request timeout does not. */
async function withDeadline<T>(ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), ms);
  try {
    return await call(aborter.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A refusal for what the request says, which every node would repeat; not for the state that one node is in. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof errors.ResponseError)) return false;
  const status = error.statusCode ?? 500;
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

function asTimeout(error: unknown, timeoutMs: number): unknown {
  const timedOut =
    error === undefined ||
    error instanceof errors.TimeoutError ||
    error instanceof errors.RequestAbortedError ||
    (error instanceof DOMException && error.name === "TimeoutError");
  return timedOut ? new errors.TimeoutError(`no answer within ${timeoutMs} ms`) : error;
}

function clientOf(url: string, options: NodesOptions, ca: Buffer, made: (pool: Pool) => void): Client {
  const connect = buildConnector({ ca, rejectUnauthorized: true, timeout: options.connectTimeoutMs ?? 2_000 });
  const poolOf = (origin: string, host: string) =>
    new Pool(origin, {
      // Bounds the sockets that pile up towards a region whose packets are dropped.
      connections: 64,
      connect: (target, callback) =>
        connect(target, (error, socket) =>
          error === null
            ? callback(null, socket)
            : callback(new Error(`${CONNECT_FAILED} to ${host}: ${connectReason(error)}`), null),
        ),
    });
  return new Client({
    node: url,
    // Own pool, so that a failure to connect is told from a connection that broke with a request on it.
    agent: ({ url: { origin, host } }: { url: URL }) => {
      const pool = poolOf(origin, host);
      made(pool);
      return pool;
    },
    auth: { username: options.username, password: options.password },
    maxRetries: 0,
    requestTimeout: options.requestTimeoutMs,
    sniffOnStart: false,
    sniffOnConnectionFault: false,
    sniffInterval: false,
  });
}

function connectReason(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(connectReason).join("; ");
  return messageOf(error);
}
