import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { CertificateFiles } from "./certificates.ts";

/** A complete request. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
  /** Number of the connection: requests on the same connection have the same one. */
  readonly connection: number;
}

/**
 * How a request is handled: executed and answered; refused with a status; executed or not, and then the connection is
 * cut, or stays without an answer.
 */
export type Behaviour =
  | { readonly kind: "serve" }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
      /** The answer of a router: without the header that names Elasticsearch. */
      readonly router?: boolean;
    }
  | { readonly kind: "cut" | "hang"; readonly carriedOut: boolean };

export const serve: Behaviour = { kind: "serve" };

/**
 * A stand-in for a region: an HTTPS server that takes documents as Elasticsearch does (`PUT /index/_create/id` and
 * `POST /index/_doc`) and misbehaves on demand. Elasticsearch itself cannot cut a connection at a given byte.
 */
export class PretendedElasticsearch {
  /** How often each document was stored, by id; documents without one get a number. */
  readonly documents = new Map<string, number>();
  readonly received: Received[] = [];
  /** How the next request is handled. Called once the request is complete. */
  behaviour: (request: Received) => Behaviour = () => serve;
  readonly #server: Server;
  readonly #sockets = new Map<Socket, number>();
  #connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("secureConnection", (socket) => {
      this.#sockets.set(socket, ++this.#connections);
      socket.on("close", () => this.#sockets.delete(socket));
      // A client may close its connection at any time.
      socket.on("error", () => {});
    });
    server.on("request", (request, response) => void this.#take(request, response));
  }

  static async start({ certificate, key }: CertificateFiles): Promise<PretendedElasticsearch> {
    const server = createTlsServer({ cert: await readFile(certificate), key: await readFile(key) });
    const pretended = new PretendedElasticsearch(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return pretended;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Stops like a host that loses power, except that the kernel closes its connections. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets.keys()) socket.destroy();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    try {
      for await (const chunk of request) body += chunk;
    } catch {
      return; // cut off by the client
    }
    const received: Received = {
      method: request.method ?? "",
      path: request.url ?? "",
      body,
      headers: request.headers,
      connection: this.#sockets.get(request.socket) ?? 0,
    };
    this.received.push(received);
    const behaviour = this.behaviour(received);
    switch (behaviour.kind) {
      case "serve": {
        const { status, text } = this.#carryOut(received);
        response.writeHead(status, { "content-type": "application/json", "x-elastic-product": "Elasticsearch" });
        response.end(text);
        return;
      }
      case "status":
        response.writeHead(behaviour.status, {
          ...(behaviour.router === true ? {} : { "x-elastic-product": "Elasticsearch" }),
          ...behaviour.headers,
        });
        response.end(behaviour.body ?? "{}");
        return;
      case "cut":
      case "hang":
        if (behaviour.carriedOut) this.#carryOut(received);
        if (behaviour.kind === "cut") request.socket.destroy();
        return;
      default:
        behaviour satisfies never;
    }
  }

  #carryOut({ method, path }: Received): { readonly status: number; readonly text: string } {
    const created = /^\/[^/]+\/_create\/([^/?]+)$/.exec(path)?.[1];
    if (method === "PUT" && created !== undefined) {
      if (this.documents.has(created)) {
        return { status: 409, text: '{"error":{"type":"version_conflict_engine_exception"},"status":409}' };
      }
      this.documents.set(created, 1);
      return { status: 201, text: `{"_id":"${created}","result":"created"}` };
    }
    if (method === "POST" && /^\/[^/]+\/_doc$/.test(path)) {
      const id = `auto-${this.documents.size}`;
      this.documents.set(id, 1);
      return { status: 201, text: `{"_id":"${id}","result":"created"}` };
    }
    return { status: 400, text: '{"error":{"type":"illegal_argument_exception"},"status":400}' };
  }
}
