import { readFileSync } from "node:fs";
import type { Client } from "@elastic/elasticsearch";
import type { RegionName } from "../../config/address.ts";
import { asTimeout, isAnswer, isRefusal, toClusterError, weightOfError } from "./errors.ts";
import { hedged } from "./hedge.ts";
import { connectFailed, createNodeClient, type NodeClient, type NodesOptions } from "./node-client.ts";

/** What every request carries: the client has no default timeout of its own. */
export interface CallOptions {
  readonly requestTimeout: number;
  readonly maxRetries: 0;
  readonly signal: AbortSignal;
}

/** A request to one node. */
export type NodeCall<T> = (client: Client, options: CallOptions) => Promise<T>;

export interface ReadOptions<T> {
  /** Default: the region's request timeout, milliseconds. */
  readonly timeoutMs?: number;
  /** False for an answer that another node may improve on. Default: every answer is conclusive. */
  readonly isConclusive?: (answer: T) => boolean;
}

export interface ChangeOptions {
  /** Default: the region's request timeout, milliseconds. */
  readonly timeoutMs?: number;
  /** Ends the wait for the answer and returns the connection; whether the request took effect stays open. */
  readonly giveUp?: AbortSignal;
}

/**
 * The nodes of one region, with a client per node, so that it is known which node was asked and whether a request may
 * have taken effect.
 */
export class RegionNodes {
  readonly region: RegionName;
  readonly requestTimeoutMs: number;
  readonly #nodes: readonly NodeClient[];
  /** Position of the node that answered last, which is asked first. */
  #preferred = 0;

  /** @throws Error when the CA file cannot be read */
  constructor(options: NodesOptions) {
    this.region = options.region;
    this.requestTimeoutMs = options.requestTimeoutMs;
    const ca = readFileSync(options.caFile);
    this.#nodes = options.nodes.map((url) => createNodeClient(url, options, ca));
  }

  /**
   * A request without effect, hedged over the nodes, so that dead ones cost little of the timeout.
   *
   * @param what the request in words, for the error: "read cluster health"
   * @throws ClusterError
   */
  async read<T>(what: string, call: NodeCall<T>, options: ReadOptions<T> = {}): Promise<T> {
    const { timeoutMs = this.requestTimeoutMs, isConclusive = () => true } = options;
    const order = this.#order();
    try {
      const { answer, candidate } = await hedged(
        order.map(
          (position) => (signal: AbortSignal) =>
            call(this.#client(position), { requestTimeout: timeoutMs, maxRetries: 0, signal }),
        ),
        {
          timeoutMs,
          // Every node is asked within the first half of the timeout, and has the second half to answer in.
          staggerMs: Math.max(50, Math.floor(timeoutMs / (2 * order.length))),
          isConclusive,
          isFinal: isRefusal,
          weightOf: weightOfError,
        },
      );
      if (isConclusive(answer)) this.#preferred = order[candidate] ?? this.#preferred;
      return answer;
    } catch (error) {
      throw toClusterError(this.region, what, asTimeout(error, timeoutMs));
    }
  }

  /**
   * A request with effect, sent to one node, at most once. Another node is asked only when no connection was made, so
   * that nothing can have been sent.
   *
   * @throws ClusterError
   */
  async change<T>(what: string, call: NodeCall<T>, options: ChangeOptions = {}): Promise<T> {
    const { timeoutMs = this.requestTimeoutMs, giveUp } = options;
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
        if (!isAnswer(error)) this.#preferred = (position + 1) % this.#nodes.length;
        if (!connectFailed(error)) throw toClusterError(this.region, what, asTimeout(error, timeoutMs));
      }
    }
    throw toClusterError(this.region, what, asTimeout(firstError, timeoutMs));
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.destroy()));
  }

  #order(): readonly number[] {
    return this.#nodes.map((_, offset) => (this.#preferred + offset) % this.#nodes.length);
  }

  #client(position: number): Client {
    const node = this.#nodes[position];
    if (node === undefined) throw new RangeError(`${this.region} has no node ${position}`);
    return node.client;
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
