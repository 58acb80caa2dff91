import type { Client } from "@elastic/elasticsearch";
import type { RegionName } from "../../config/address.ts";
import { liveOf } from "../../util/live.ts";
import { AnswerMemory } from "./answer-memory.ts";
import { Authorizations } from "./authorizations.ts";
import { asTimeout, isAnswer, isRefusal, isRefusedUser, toClusterError, weightOfError } from "./errors.ts";
import { type HedgeOptions, hedged } from "./hedge.ts";
import { connectFailed, connectorOf, createNodeClient, type NodeClient, type NodesOptions } from "./node-client.ts";

/** What every request carries: the client has no default timeout of its own. */
export interface CallOptions {
  readonly requestTimeout: number;
  readonly maxRetries: 0;
  readonly signal: AbortSignal;
  readonly headers: { readonly authorization: string };
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
  readonly #authorizations: Authorizations;
  /** Position of the node that answered last, which is asked first. */
  #preferred = 0;

  constructor(options: NodesOptions) {
    this.region = options.region;
    this.requestTimeoutMs = options.requestTimeoutMs;
    const access = liveOf(options.access);
    const connector = connectorOf(access, options.connectTimeoutMs);
    // One for all nodes: each of them gives the same answers.
    const memory = new AnswerMemory();
    this.#nodes = options.nodes.map((url) => createNodeClient(url, options, connector, memory));
    this.#authorizations = new Authorizations(
      access.map(({ authorizations }) => authorizations),
      isRefusedUser,
    );
  }

  /**
   * A request without effect, hedged over the nodes, so that dead ones cost little of the timeout.
   *
   * @param what the request in words, for the error: "read cluster health"
   * @throws ClusterError
   */
  async read<T>(what: string, call: NodeCall<T>, options: ReadOptions<T> = {}): Promise<T> {
    const { timeoutMs = this.requestTimeoutMs, isConclusive = () => true } = options;
    const deadline = performance.now() + timeoutMs;
    try {
      return await this.#authorizations.use((headers, hasOther) => {
        const remainingMs = Math.max(1, Math.ceil(deadline - performance.now()));
        // With other credentials left, a refusal is no reason to wait for the other nodes.
        const isFinal = (error: unknown) => isRefusal(error) || (hasOther && isRefusedUser(error));
        return this.#hedged(call, headers, { timeoutMs: remainingMs, isConclusive, isFinal });
      });
    } catch (error) {
      throw toClusterError(this.region, what, asTimeout(error, timeoutMs));
    }
  }

  async #hedged<T>(
    call: NodeCall<T>,
    headers: CallOptions["headers"],
    options: Pick<HedgeOptions<T>, "timeoutMs" | "isConclusive" | "isFinal">,
  ): Promise<T> {
    const { timeoutMs, isConclusive } = options;
    const order = this.#order();
    const { answer, candidate } = await hedged(
      order.map(
        (position) => (signal: AbortSignal) =>
          call(this.#client(position), { requestTimeout: timeoutMs, maxRetries: 0, signal, headers }),
      ),
      {
        ...options,
        // Every node is asked within the first half of the timeout, and has the second half to answer in.
        staggerMs: Math.max(50, Math.floor(timeoutMs / (2 * order.length))),
        weightOf: weightOfError,
      },
    );
    if (isConclusive(answer)) this.#preferred = order[candidate] ?? this.#preferred;
    return answer;
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
          const options = { requestTimeout: remainingMs, maxRetries: 0, signal } as const;
          // A request that is refused for its user had no effect.
          return this.#authorizations.use((headers) => call(this.#client(position), { ...options, headers }));
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
