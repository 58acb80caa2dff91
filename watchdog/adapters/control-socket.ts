import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { connect } from "node:net";
import { errnoOf, reasonOf } from "../util/files.ts";

/** A method and a path, such as "GET /status" or "PUT /pause". */
export type ControlRoute = `${"GET" | "PUT" | "POST" | "DELETE"} /${string}`;

export interface ControlRequest {
  readonly query: URLSearchParams;
  /** The parsed JSON that came with the request; null when there was none. */
  readonly body: unknown;
}

/** What the socket answers to, and what it returns as JSON. */
export type ControlRoutes = Readonly<Record<ControlRoute, (request: ControlRequest) => unknown>>;

/** What was asked for is not done, and nothing was changed: status 409. The message is the reasons, one per line. */
export class Refused extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join("\n"));
    this.name = "Refused";
    this.reasons = reasons;
  }
}

/** What was asked is not understood: status 400. */
export class BadRequest extends Error {}

/** Requests are a few words of JSON; anything longer is no request. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Serves the watchdog over HTTP on a unix socket. Whoever may open the socket may ask and command: its owner and its
 * group (mode 0660). There is no other authentication; who gives a command is told by the one who gives it.
 *
 * @throws Error when another watchdog already serves there, or the socket cannot be made
 */
export async function serveControlSocket(
  socketPath: string,
  routes: ControlRoutes,
): Promise<{ close(): Promise<void> }> {
  if (await isServed(socketPath)) {
    throw new Error(`another watchdog already runs on this host: something answers on ${socketPath}`);
  }
  await rm(socketPath, { force: true });
  const server = createServer((incoming, outgoing) => {
    void answerTo(incoming, routes).then(({ status, body }) =>
      outgoing.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`),
    );
  });
  await listen(server, socketPath);
  await chmod(socketPath, 0o660);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Never throws: what goes wrong is an answer, too. */
async function answerTo(incoming: IncomingMessage, routes: ControlRoutes): Promise<Answer> {
  const { method = "GET", url = "/" } = incoming;
  try {
    const { pathname, searchParams } = new URL(url, "http://watchdog");
    const route = routes[`${method} ${pathname}` as ControlRoute];
    if (route === undefined) {
      return { status: 404, body: { error: `one of ${Object.keys(routes).join(", ")} is answered` } };
    }
    return { status: 200, body: (await route({ query: searchParams, body: await bodyOf(incoming) })) ?? null };
  } catch (error) {
    if (error instanceof Refused) return { status: 409, body: { refused: error.reasons } };
    return { status: error instanceof BadRequest ? 400 : 500, body: { error: reasonOf(error) } };
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new BadRequest(`the request is longer than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return null;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    throw new BadRequest(`the request is not JSON: ${reasonOf(error)}`);
  }
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`cannot make the control socket ${socketPath}: ${reasonOf(error)}`, { cause: error })),
    );
    server.listen(socketPath, () => resolve());
  });
}

function isServed(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Nobody serves on the socket: the watchdog is not running, or not there. */
export class WatchdogNotRunning extends Error {}

export interface AskOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default 5 000 ms. */
  readonly timeoutMs?: number;
}

/**
 * Asks a running watchdog.
 *
 * @throws WatchdogNotRunning
 * @throws Refused when it does not do what it was asked to; nothing is changed then
 * @throws Error when it answers with an error, not in time, or may not be asked
 */
export function askControlSocket(
  socketPath: string,
  route: ControlRoute,
  { body, timeoutMs = 5_000 }: AskOptions = {},
): Promise<unknown> {
  const [method = "GET", path = "/"] = route.split(" ", 2);
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? "" : JSON.stringify(body);
    // Said in full: Node adds no length to a DELETE by itself, and the body would be taken for another request.
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
    const outgoing = request({ socketPath, method, path, headers, timeout: timeoutMs }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        if (incoming.statusCode === 200) resolve(JSON.parse(text));
        else if (incoming.statusCode === 409) reject(new Refused(JSON.parse(text).refused));
        else reject(new Error(`the watchdog at ${socketPath} answered ${incoming.statusCode}: ${text.trim()}`));
      });
    });
    outgoing.on("timeout", () =>
      outgoing.destroy(new Error(`the watchdog at ${socketPath} did not answer within ${timeoutMs} ms`)),
    );
    outgoing.on("error", (error) => {
      const code = errnoOf(error);
      if (code === "ENOENT" || code === "ECONNREFUSED") {
        reject(new WatchdogNotRunning(`no watchdog is running: nothing answers on ${socketPath}`));
      } else if (code === "EACCES") {
        reject(new Error(`${socketPath} may be opened only by root and members of the group es-failover`));
      } else reject(error);
    });
    outgoing.end(payload);
  });
}
