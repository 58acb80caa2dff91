import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { CertificateFiles } from "./certificates.ts";

/** A request as the server has read it, to its end. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
  /** Counts the connections of the server: requests with the same number came over the same one. */
  readonly connection: number;
}

/**
 * What becomes of a request: carried out and answered; turned away with a status; carried out or not, and then the
 * connection is cut, or nothing comes any more.
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
 * `POST /index/_doc`) and misbehaves on demand. Elasticsearch itself cannot be told to cut a connection at a given byte.
 */
export class PretendedElasticsearch {
  /** How often each document was stored, by id; documents without one get a number. */
  readonly documents = new Map<string, number>();
  readonly received: Received[] = [];
  /** What becomes of the next request. Called once the request was read to its end. */
  behaviour: (request: Received) => Behaviour = () => serve;
  readonly #server: Server;
  readonly #sockets = new Map<Socket, number>();
  #connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("secureConnection", (socket) => {
      this.#sockets.set(socket, ++this.#connections);
      socket.on("close", () => this.#sockets.delete(socket));
      // A client that gives up is no fault of the server.
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

  /** Goes away as a host does that loses its power, except that the kernel tells its clients. */
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
