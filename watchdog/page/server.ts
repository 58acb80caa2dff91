import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { reasonOf } from "../util/files.ts";
import { closeAtOnce, createListener, type ListenerTls, listenOn } from "../util/http-server.ts";
import type { Live } from "../util/live.ts";
import { icon, script, stylesheet } from "./assets.ts";
import type { Authenticate } from "./authentication.ts";
import { render, renderDocument } from "./document.ts";
import { type StreamLimits, Streams } from "./streams.ts";
import type { PageView } from "./view.ts";

/** A browser uses up to six, one of them for the events. */
const MAX_CONNECTIONS = 128;
const REQUEST_TIMEOUT_MS = 5_000;
/** A client that begins no TLS handshake would hold one of the connections. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const DEFAULT_LIMITS: StreamLimits = { clients: 32, bufferedBytes: 1024 * 1024, intervalMs: 1_000 };

export interface PageServerOptions {
  /** Address and port: "192.168.1.101:9445"; port 0 takes a free one. */
  readonly listen: string;
  /** null: plain HTTP. */
  readonly tls: ListenerTls | Live<ListenerTls> | null;
  readonly authenticate: Authenticate;
  /** What the page shows, as of now. @throws Error when there is none */
  readonly view: () => Promise<PageView>;
  readonly version: string;
  readonly limits?: Partial<StreamLimits>;
}

export interface PageServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves the status page: `/`, `/events`, `/status.json`, and what the page loads. Reads only.
 *
 * @throws Error when it cannot listen on the address
 */
export async function servePage({
  listen,
  tls,
  authenticate,
  view,
  version,
  limits,
}: PageServerOptions): Promise<PageServer> {
  const streams = new Streams({ render: async () => render(await view()), version }, { ...DEFAULT_LIMITS, ...limits });
  const options = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
  const server = createListener(
    tls,
    options,
    (incoming, outgoing) => void answer({ incoming, outgoing, authenticate, view, streams }),
  );
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listenOn(server, listen, "the status page");
  return {
    port,
    close: () => {
      streams.close();
      return closeAtOnce(server);
    },
  };
}

/** The page loads from this server alone, sends nothing, and is shown in no other page. */
const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; frame-ancestors 'none'; " +
    "base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
} as const;

const asset = (type: string, content: string) => ({
  type,
  content,
  tag: `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`,
});

const assets = new Map([
  ["/page.css", asset("text/css; charset=utf-8", stylesheet)],
  ["/page.js", asset("text/javascript; charset=utf-8", script)],
  ["/icon.svg", asset("image/svg+xml", icon)],
]);

interface Exchange extends Pick<PageServerOptions, "authenticate" | "view"> {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly streams: Streams;
}

async function answer({ incoming, outgoing, authenticate, view, streams }: Exchange): Promise<void> {
  const send = (status: number, type: string, body: string, headers: Readonly<Record<string, string>> = {}) => {
    const length = { "content-length": Buffer.byteLength(body) };
    outgoing.writeHead(status, { ...securityHeaders, "content-type": type, ...length, ...headers }).end(body);
  };
  const plain = (status: number, sentence: string, headers: Readonly<Record<string, string>> = {}) =>
    send(status, "text/plain; charset=utf-8", `${sentence}\n`, headers);
  const { authorization, host } = incoming.headers;
  const refusal = authenticate({ authorization, host, address: incoming.socket.remoteAddress ?? "" });
  if (refusal !== null) return plain(refusal.status, refusal.sentence, refusal.headers);
  if (incoming.method !== "GET" && incoming.method !== "HEAD") {
    return plain(405, "the page changes nothing: use GET or HEAD", { allow: "GET, HEAD" });
  }
  const [path = "/"] = (incoming.url ?? "/").split("?");
  const file = assets.get(path);
  if (file !== undefined) {
    const headers = { etag: file.tag, "cache-control": "private, no-cache" };
    if (incoming.headers["if-none-match"] !== file.tag) return send(200, file.type, file.content, headers);
    outgoing.writeHead(304, { ...securityHeaders, ...headers }).end();
    return;
  }
  try {
    if (path === "/") send(200, "text/html; charset=utf-8", renderDocument(await view()));
    else if (path === "/status.json") send(200, "application/json", JSON.stringify((await view()).status, null, 2));
    else if (path === "/events") stream(incoming, outgoing, streams, plain);
    else plain(404, "there is no such page: the status is at /");
  } catch (error) {
    plain(500, reasonOf(error));
  }
}

function stream(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  streams: Streams,
  plain: (status: number, sentence: string, headers: Readonly<Record<string, string>>) => void,
): void {
  if (streams.isFull) {
    plain(503, "too many watch the page", { "retry-after": "10" });
    return;
  }
  // A proxy that collected the events would delay them.
  outgoing.writeHead(200, { ...securityHeaders, "content-type": "text/event-stream", "x-accel-buffering": "no" });
  if (incoming.method === "HEAD") outgoing.end();
  else streams.add(outgoing);
}
