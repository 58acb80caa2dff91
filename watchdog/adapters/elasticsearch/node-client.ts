import { Client, errors } from "@elastic/elasticsearch";
import { buildConnector, Pool } from "undici";
import type { RegionName } from "../../config/address.ts";
import type { Secrets } from "../../config/files.ts";
import { certificateFault } from "../../util/certificates.ts";
import { messageOf } from "../../util/errors.ts";
import type { Live } from "../../util/live.ts";
import { type AnswerMemory, serializerWith } from "./answer-memory.ts";

export interface NodesOptions {
  readonly region: RegionName;
  /** URLs of all nodes of the region. */
  readonly nodes: readonly string[];
  readonly access: NodeAccess | Live<NodeAccess>;
  /** Bound on a request, milliseconds. */
  readonly requestTimeoutMs: number;
  /** Bound on making a connection, TLS included, milliseconds. Default 2 000: 20 round trips over an ocean. */
  readonly connectTimeoutMs?: number;
  /** Whether to ask for answers in gzip, as pays off over an ocean. Default: no. */
  readonly compressed?: boolean;
}

/** What may be renewed while requests are under way. */
export interface NodeAccess {
  /** PEM of the CAs that may have signed the nodes' certificates; null where all nodes are reached by plain http. */
  readonly ca: string | null;
  /** Values of the header `authorization`, see authorizations.ts. The first one is tried first. */
  readonly authorizations: Secrets;
}

/** A client of one node, and a way to break off everything that it has under way. */
export interface NodeClient {
  readonly client: Client;
  destroy(): Promise<void>;
}

/** Bounds the sockets that pile up towards a region whose packets are dropped. */
const CONNECTIONS_MAX = 64;
/**
 * An unused connection is kept for so long: over each default interval, as a new one costs three round trips and a handshake. No
 * longer, since one that the other side has dropped unseen would cost a request.
 */
const KEEP_ALIVE_MS = 20_000;

/** Makes the connections of the nodes' clients: those that exist go on when the CA is renewed. */
export const connectorOf = (access: Live<NodeAccess>, timeoutMs = 2_000): Live<buildConnector.connector> =>
  access.map(({ ca }) => buildConnector({ ...(ca !== null && { ca }), rejectUnauthorized: true, timeout: timeoutMs }));

/** A client without retries and sniffing: the addresses are given, and the caller decides what is sent twice. */
export function createNodeClient(
  url: string,
  options: NodesOptions,
  connector: Live<buildConnector.connector>,
  memory: AnswerMemory,
): NodeClient {
  const pools: Pool[] = [];
  const client = new Client({
    node: url,
    // A pool of our own distinguishes a failure to connect from a connection that broke with a request on it.
    agent: ({ url: { origin, host } }: { url: URL }) => {
      const pool = new Pool(origin, {
        connections: CONNECTIONS_MAX,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connect: (target, callback) =>
          connector.current(target, (error, socket) =>
            error === null
              ? callback(null, socket)
              : callback(new Error(`${CONNECT_FAILED} to ${host}: ${connectReason(error)}`), null),
          ),
      });
      pools.push(pool);
      return pool;
    },
    Serializer: serializerWith(memory),
    maxRetries: 0,
    requestTimeout: options.requestTimeoutMs,
    // Not the client's option of that name, which compresses requests too: a cluster that offers none answers in plain text.
    headers: options.compressed ? { "accept-encoding": "gzip" } : {},
    sniffOnStart: false,
    sniffOnConnectionFault: false,
    sniffInterval: false,
  });
  return {
    client,
    // A graceful close would keep connecting to a lost node.
    destroy: async () => {
      await Promise.all(pools.map((pool) => pool.destroy()));
    },
  };
}

/** Marks a connection that was never established: nothing was sent, so another node may be asked instead. */
const CONNECT_FAILED = "cannot connect";

export function connectFailed(error: unknown): boolean {
  return error instanceof errors.ConnectionError && error.message.startsWith(CONNECT_FAILED);
}

/** Follows `CONNECT_FAILED` where the node's certificate is the reason. */
const UNTRUSTED = "its certificate is not trusted";

/** True when a node answered with a certificate that proves nothing about it. */
export function isUntrusted(error: unknown): boolean {
  return connectFailed(error) && error instanceof Error && error.message.includes(`: ${UNTRUSTED}: `);
}

function connectReason(error: unknown): string {
  const code = certificateFault(error);
  if (code !== null) return `${UNTRUSTED}: ${messageOf(error)} (${code})`;
  if (error instanceof AggregateError && error.message === "") return error.errors.map(connectReason).join("; ");
  return messageOf(error);
}
