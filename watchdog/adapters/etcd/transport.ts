import { type Agent, request } from "node:https";
import { type Live, liveOf } from "../../util/live.ts";
import { RenewableAgent } from "../../util/renewable-agent.ts";

/** Certificates for mutual TLS, as PEM text. */
export interface EtcdTls {
  /** The CA that signed the members' certificates; no other is trusted. */
  readonly ca: string;
  /**
   * Client certificate and key, which members require (`client-cert-auth`). Its subject must have no CommonName: with
   * authentication on, etcd's gateway refuses one that has.
   */
  readonly certificate: string;
  readonly key: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** One request to one member that failed without an answer. */
export class TransportFailure extends Error {
  /** Whether the member may have received the request: it failed on an established connection. */
  readonly sent: boolean;
  /** The member ended the TLS handshake with an alert: it refuses our certificate. */
  readonly certificateRefused: boolean;

  constructor(message: string, { sent, certificateRefused }: { sent: boolean; certificateRefused: boolean }) {
    super(message);
    this.name = "TransportFailure";
    this.sent = sent;
    this.certificateRefused = certificateRefused;
  }
}

/** How long one request may take; both counted from its start. */
export interface Bounds {
  /** Until the connection is established, TLS handshake included. */
  readonly connectionMs: number;
  /** Until the answer is complete. */
  readonly answerMs: number;
}

/** Sends one request to one member. Throws `TransportFailure`. */
export interface Transport {
  post(url: URL, body: string, headers: Readonly<Record<string, string>>, bounds: Bounds): Promise<HttpAnswer>;
  close(): void;
}

/** Bound on an answer: no call of this client has a longer one. */
const maxAnswerBytes = 16 * 1024 * 1024;

/**
 * HTTPS over connections that are kept open. It reports whether a request got a connection at all, because only then may
 * it have taken effect.
 */
export function httpsTransport(given: EtcdTls | Live<EtcdTls>): Transport {
  const agent = new RenewableAgent(
    liveOf(given).map(({ ca, certificate, key }) => ({ ca, cert: certificate, key })),
    { maxSockets: 16 },
  );
  return {
    post: (url, body, headers, bounds) => post(agent.current, url, body, headers, bounds),
    close: () => agent.destroy(),
  };
}

function post(
  agent: Agent,
  url: URL,
  body: string,
  headers: Readonly<Record<string, string>>,
  { connectionMs, answerMs }: Bounds,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let sent = false;
    const outgoing = request(url, {
      agent,
      method: "POST",
      headers: { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    });
    const fail = (reason: string, code = "") => {
      clearTimeout(connectionTimer);
      clearTimeout(answerTimer);
      // With TLS 1.3 the alert arrives after our own side of the handshake has ended.
      const certificateRefused = code.startsWith("ERR_SSL_") && code.includes("ALERT");
      reject(new TransportFailure(reason, { sent: sent && !certificateRefused, certificateRefused }));
      outgoing.destroy();
    };
    const connectionTimer = setTimeout(() => fail(`no connection within ${connectionMs} ms`), connectionMs);
    const answerTimer = setTimeout(() => fail(`no answer within ${answerMs} ms`), answerMs);
    const connected = () => {
      sent = true;
      clearTimeout(connectionTimer);
    };
    outgoing.on("socket", (socket) => {
      // Node sends the request only after the handshake.
      if (outgoing.reusedSocket) connected();
      else socket.once("secureConnect", connected);
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => fail(error.message || error.name, error.code));
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) fail(`an answer of more than ${maxAnswerBytes} bytes`);
        else chunks.push(chunk);
      });
      incoming.on("error", (error) => fail(error.message));
      incoming.on("end", () => {
        clearTimeout(answerTimer);
        resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") });
      });
    });
    outgoing.end(body);
  });
}
