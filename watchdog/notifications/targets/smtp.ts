import type SMTPConnection from "nodemailer/lib/smtp-connection";
import { readCa, readSecret } from "../../config/files.ts";
import type { TargetOf } from "../../config/notifications.ts";
import type { Notification } from "../../core/notifications/event.ts";
import { plainText } from "../../core/notifications/texts/plain.ts";
import { messageOf } from "../../util/errors.ts";
import type { Target } from "./target.ts";

/** Mail by nodemailer's connection: verified TLS, a login, one message. */
export function smtpTarget(settings: TargetOf<"smtp">): Target {
  const { name, host, port, caFile, username, passwordFile } = settings;
  return {
    settings,
    send: async (event, signal) => {
      const key = `notifications.${name}`;
      const ca = caFile === null ? null : await readCa(`${key}.caFile`, caFile);
      const password = passwordFile === null ? null : await readSecret(`${key}.passwordFile`, passwordFile);
      const credentials = username === null || password === null ? null : { user: username, pass: password };
      // Loaded on demand: a watchdog that sends no mail does not hold it in memory.
      const { default: Connection } = await import("nodemailer/lib/smtp-connection");
      const connection = new Connection({ ...connectionOptions(settings), tls: ca === null ? {} : { ca } });
      try {
        await within(settings.timeoutMs, signal, connection, () => deliver(connection, event, settings, credentials));
      } catch (error) {
        throw new Error(`${host}:${port}: ${messageOf(error)}`, { cause: error });
      } finally {
        connection.close();
      }
    },
  };
}

function connectionOptions({ host, port, tls, timeoutMs }: TargetOf<"smtp">) {
  return {
    host,
    port,
    secure: tls === "implicit",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  };
}

interface Credentials {
  readonly user: string;
  readonly pass: string;
}

async function deliver(
  connection: SMTPConnection,
  event: Notification,
  { from, to }: TargetOf<"smtp">,
  credentials: Credentials | null,
): Promise<void> {
  await called((done) => connection.connect(done));
  if (credentials !== null) await called((done) => connection.login({ credentials: { ...credentials } }, done));
  const message = await mailOf(event, from, to);
  const rejected = await called<readonly string[]>((done) =>
    connection.send({ from, to: [...to] }, message, (error, sent) => done(error, sent?.rejected ?? [])),
  );
  // The others have it: a repetition would send it to them again, and to this one as little.
  if (rejected !== undefined && rejected.length === to.length) throw new Error(`${rejected.join(", ")}: refused`);
}

/** Awaits a call with a callback. */
function called<T>(call: (done: (error?: Error | null, result?: T) => void) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** The mail as text. Its Message-ID is the same in each attempt: mailboxes show it once. */
export async function mailOf(event: Notification, from: string, to: readonly string[]): Promise<Buffer> {
  const { default: MimeNode } = await import("nodemailer/lib/mime-node");
  const { id, kind, severity, title, atMs } = event;
  return new MimeNode("text/plain; charset=utf-8")
    .setHeader({
      from,
      to: to.join(", "),
      subject: `[${severity}] ${title}`,
      date: new Date(atMs),
      "message-id": `<${id}.es-failover@${from.split("@")[1]}>`,
      "auto-submitted": "auto-generated",
      "x-es-failover-event": kind,
    })
    .setContent(`${plainText(event)}\n`)
    .build();
}

/** Bounds the whole exchange: nodemailer's own bounds are for each silence. It reports failures as events, too. */
function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  connection: SMTPConnection,
  exchange: () => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(() => reject(new Error(`no end within ${timeoutMs} ms`)), timeoutMs);
    const abort = () => reject(new Error("the watchdog stops"));
    signal.addEventListener("abort", abort, { once: true });
    connection.on("error", reject);
    exchange()
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timeout);
        signal.removeEventListener("abort", abort);
      });
  });
}
