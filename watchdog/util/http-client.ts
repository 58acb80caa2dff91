import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { reasonOf } from "./files.ts";
import { type Live, liveOf } from "./live.ts";
import { RenewableAgent } from "./renewable-agent.ts";

export interface HttpRequest {
  readonly method?: "GET" | "PUT" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For the whole request, including the connection. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers to its users are shorter. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** HTTP, or HTTPS that trusts only the given CA. Keeps connections. */
export class HttpClient {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https: RenewableAgent;

  /** `ca`: null, where there is no HTTPS. */
  constructor(tls: { readonly ca: string | null } | Live<{ readonly ca: string | null }>) {
    this.#https = new RenewableAgent(
      liveOf(tls).map(({ ca }) => (ca === null ? {} : { ca })),
      {},
    );
  }

  /** @throws Error that names host, port and reason */
  ask(url: URL, { method = "GET", headers = {}, body, timeoutMs, signal }: HttpRequest): Promise<HttpReply> {
    const secure = url.protocol === "https:";
    const timeout = AbortSignal.timeout(timeoutMs);
    return new Promise((resolve, reject) => {
      const failed = (error: unknown) =>
        reject(
          new Error(`${url.host}: ${timeout.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error)}`, {
            cause: error,
          }),
        );
      const outgoing = (secure ? httpsRequest : httpRequest)(url, {
        agent: secure ? this.#https.current : this.#http,
        method,
        headers: { ...headers, ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }) },
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      });
      outgoing.on("response", (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > MAX_ANSWER_BYTES)
            incoming.destroy(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`));
        });
        incoming.on("error", failed);
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
      });
      outgoing.on("error", failed);
      outgoing.end(body);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}
