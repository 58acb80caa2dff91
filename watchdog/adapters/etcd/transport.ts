import { Agent, request } from "node:https";

/** Certificates for mutual TLS, as PEM text. */
export interface EtcdTls {
  /** The CA that signed the members' certificates; no other is trusted. */
  readonly ca: string;
  /**
   * Client certificate and key; members demand one (`client-cert-auth`). Its subject must have no CommonName: with
   * authentication on, etcd's gateway refuses those that have one.
   */
  readonly certificate: string;
  readonly key: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** One request to one member failed without an answer. */
export class TransportFailure extends Error {
  /** Whether the member may have received the request: a connection stood when it failed. */
  readonly sent: boolean;
  /** The member ended the TLS handshake with an alert: it does not accept our certificate. */
  readonly certificateRefused: boolean;

  constructor(message: string, { sent, certificateRefused }: { sent: boolean; certificateRefused: boolean }) {
    super(message);
    this.name = "TransportFailure";
    this.sent = sent;
    this.certificateRefused = certificateRefused;
  }
}

/** How long one request may take, both counted from its beginning. */
export interface Bounds {
  /** Until there is a connection, TLS handshake included. */
  readonly connectionMs: number;
  /** Until the answer is there. */
  readonly answerMs: number;
}

/** Carries one request to one member. Throws `TransportFailure`. */
export interface Transport {
  post(url: URL, body: string, headers: Readonly<Record<string, string>>, bounds: Bounds): Promise<HttpAnswer>;
  close(): void;
}

/** No answer that this client asks for is longer; a longer one is cut off as a fault. */
const maxAnswerBytes = 16 * 1024 * 1024;

/**
 * HTTPS with connections kept open. It knows whether a request got a connection at all, because only then may the member
 * have carried it out.
 */
export function httpsTransport(tls: EtcdTls): Transport {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    ca: tls.ca,
    cert: tls.certificate,
    key: tls.key,
    minVersion: "TLSv1.2",
  });
  return {
    post: (url, body, headers, bounds) => post(agent, url, body, headers, bounds),
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
      // With TLS 1.3 the alert comes after our own side of the handshake has ended.
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
      // A socket that is still connecting holds the request back until the handshake has ended.
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
