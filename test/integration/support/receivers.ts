import { readFile } from "node:fs/promises";
import { createServer as createHttp, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { CertificateFiles } from "./certificates.ts";

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A web server on loopback that takes what is posted. */
export class WebhookReceiver {
  readonly posted: Posted[] = [];
  readonly #server: Server;
  readonly #scheme: string;
  /** Of each answer. */
  status = 200;
  headers: Readonly<Record<string, string>> = {};

  private constructor(files: { readonly cert: string; readonly key: string } | null) {
    this.#scheme = files === null ? "http" : "https";
    const answer = async (incoming: IncomingMessage) => {
      let body = "";
      for await (const chunk of incoming) body += chunk;
      this.posted.push({ path: incoming.url ?? "", headers: incoming.headers, body });
    };
    const listener: Parameters<typeof createHttp>[1] = (incoming, outgoing) =>
      void answer(incoming).then(() => outgoing.writeHead(this.status, this.headers).end("taken"));
    this.#server = files === null ? createHttp({}, listener) : createHttps(files, listener);
  }

  /** HTTPS with a certificate, else HTTP; port 0: any. */
  static async listen(files: CertificateFiles | null, port = 0): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(files === null ? null : await read(files));
    await new Promise<void>((resolve) => receiver.#server.listen(port, "127.0.0.1", resolve));
    return receiver;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A mail server on loopback, with the user `watchdog`, whose password is `mail-password`. */
export class MailReceiver {
  readonly mails: { readonly to: readonly string[]; readonly text: string; readonly isSecure: boolean }[] = [];
  readonly logins: string[] = [];
  readonly #server: SMTPServer;

  private constructor(options: SMTPServerOptions) {
    this.#server = new SMTPServer({
      ...options,
      onAuth: ({ username, password }, _session, done) => {
        this.logins.push(`${username}`);
        if (username === "watchdog" && password === "mail-password") done(null, { user: username });
        else done(new Error("wrong user or password"));
      },
      onRcptTo: ({ address }, _session, done) => done(address.startsWith("unknown@") ? new Error("no such box") : null),
      onData: (stream, session, done) => {
        let text = "";
        stream.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        stream.on("end", () => {
          const to = session.envelope.rcptTo.map(({ address }) => address);
          this.mails.push({ to, text, isSecure: session.secure });
          done();
        });
      },
    });
    // A client that gives up during a handshake is no fault of the server.
    this.#server.on("error", () => {});
  }

  static async listen(files: CertificateFiles, options: SMTPServerOptions = {}): Promise<MailReceiver> {
    const receiver = new MailReceiver({ ...(await read(files)), ...options });
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

async function read({ certificate, key }: CertificateFiles): Promise<{ readonly cert: string; readonly key: string }> {
  return { cert: await readFile(certificate, "utf8"), key: await readFile(key, "utf8") };
}
