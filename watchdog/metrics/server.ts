import type { IncomingMessage, ServerResponse } from "node:http";
import { reasonOf } from "../util/files.ts";
import { closeAtOnce, createListener, type ListenerTls, listenOn } from "../util/http-server.ts";
import type { Live } from "../util/live.ts";

/** Prometheus uses one connection; a few more for a second one and for people. */
const MAX_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 5_000;
/** A client that begins no TLS handshake would hold one of the few connections. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

export interface MetricsServerOptions {
  /** Address and port: "192.168.1.101:9114"; port 0 takes a free one. */
  readonly listen: string;
  /** Certificate and key as PEM, and the CA of the clients that are answered; null: plain HTTP. */
  readonly tls: ListenerTls | Live<ListenerTls> | null;
  readonly contentType: string;
  /** The answer to `GET /metrics`. */
  readonly text: () => Promise<string>;
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`.
 *
 * @throws Error when it cannot listen on the address
 */
export async function serveMetrics({ listen, tls, contentType, text }: MetricsServerOptions): Promise<MetricsServer> {
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) =>
    void answer(incoming, outgoing, contentType, text);
  const options = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
  const server = createListener(tls, options, handle);
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listenOn(server, listen, "the metrics");
  return { port, close: () => closeAtOnce(server) };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  contentType: string,
  text: () => Promise<string>,
): Promise<void> {
  const plain = (status: number, sentence: string, headers: Readonly<Record<string, string>> = {}) =>
    outgoing.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(`${sentence}\n`);
  const [path] = (incoming.url ?? "/").split("?");
  if (path !== "/metrics") return void plain(404, "the path is /metrics");
  if (incoming.method !== "GET" && incoming.method !== "HEAD") {
    return void plain(405, "use GET or HEAD here", { allow: "GET, HEAD" });
  }
  try {
    const body = await text();
    outgoing.writeHead(200, { "content-type": contentType, "cache-control": "no-cache" }).end(body);
  } catch (error) {
    plain(500, reasonOf(error));
  }
}
