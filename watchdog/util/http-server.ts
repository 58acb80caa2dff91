import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer, type ServerOptions } from "node:https";
import type { SecureContextOptions } from "node:tls";
import { reasonOf } from "./files.ts";
import { type Live, liveOf } from "./live.ts";

/** Shared by the watchdog's HTTP servers. */

/**
 * Starts listening.
 *
 * @param listen address and port, an IPv6 address in brackets: "192.168.1.20:9443"; port 0 takes a free one
 * @param purpose for the error message
 * @param backlog connections that may wait to be accepted; default 511, as in Node
 * @returns the port
 * @throws Error that names address and purpose when it cannot listen
 */
export function listenOn(server: Server, listen: string, purpose: string, backlog?: number): Promise<number> {
  const at = listen.lastIndexOf(":");
  const host = listen.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  const port = Number(listen.slice(at + 1));
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`cannot listen on ${listen} for ${purpose}: ${reasonOf(error)}`, { cause: error })),
    );
    server.listen({ host, port, ...(backlog !== undefined && { backlog }) }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

/** A server; with TLS its certificates are replaced while it runs. `tls` null: plain HTTP. */
export function createServer(
  tls: Live<SecureContextOptions> | null,
  options: ServerOptions,
  handle: RequestListener,
): Server {
  if (tls === null) return createHttpServer(options, handle);
  const minVersion = "TLSv1.2";
  const server = createHttpsServer({ ...options, ...tls.current, minVersion }, handle);
  const renew = (renewed: SecureContextOptions) => server.setSecureContext({ ...renewed, minVersion });
  // Not before it listens: a server that cannot, because its port is taken, is dropped without being closed.
  server.on("listening", () => {
    renew(tls.current);
    server.once("close", tls.listen(renew));
  });
  return server;
}

/** A server's certificate, and the CA of the clients that it answers; null: clients show no certificate. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** The same, which refuses clients without a certificate of the CA where there is one. */
export function createListener(
  tls: ListenerTls | Live<ListenerTls> | null,
  options: ServerOptions,
  handle: RequestListener,
): Server {
  const certificates = tls === null ? null : liveOf(tls);
  const asksClients = certificates !== null && certificates.current.clientCa !== null;
  return createServer(
    certificates?.map(contextOf) ?? null,
    asksClients ? { ...options, requestCert: true, rejectUnauthorized: true } : options,
    handle,
  );
}

const contextOf = ({ cert, key, clientCa }: ListenerTls) => ({ cert, key, ...(clientCa !== null && { ca: clientCa }) });

/** Ends a server and the connections that it still has. */
export function closeAtOnce(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** The text of a request's body; null when it is longer than `maxLength` characters. */
export async function textOf(incoming: IncomingMessage, maxLength: number): Promise<string | null> {
  let text = "";
  incoming.setEncoding("utf8");
  for await (const chunk of incoming) {
    text += chunk;
    if (text.length > maxLength) return null;
  }
  return text;
}
