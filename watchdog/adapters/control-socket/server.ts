import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect } from "node:net";
import { reasonOf } from "../../util/files.ts";
import { BadRequest, Refused, type ServedCall } from "../../util/socket-api.ts";

/** Requests are a few words of JSON. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Serves calls over HTTP on a unix socket. The socket's owner and group (mode 0660) may use it; there is no other
 * authentication, and a caller names itself.
 *
 * @throws Error when another process already serves there, or the socket cannot be created
 */
export async function serveControlSocket(
  socketPath: string,
  calls: readonly ServedCall[],
): Promise<{ close(): Promise<void> }> {
  if (await isServed(socketPath)) {
    throw new Error(`another watchdog already runs on this host: ${socketPath} is in use`);
  }
  await rm(socketPath, { force: true });
  const byRoute = new Map(calls.map((call) => [call.route, call]));
  const server = createServer((incoming, outgoing) => {
    void respond(incoming, byRoute).then(({ status, body }) =>
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

interface Response {
  readonly status: number;
  readonly body: unknown;
}

/** Never throws: a failure is a response, too. */
async function respond(incoming: IncomingMessage, calls: ReadonlyMap<string, ServedCall>): Promise<Response> {
  const { method = "GET", url = "/" } = incoming;
  try {
    const { pathname, searchParams } = new URL(url, "http://watchdog");
    const call = calls.get(`${method} ${pathname}`);
    if (call === undefined) {
      return { status: 404, body: { error: `unknown call; use one of ${[...calls.keys()].join(", ")}` } };
    }
    const request = method === "GET" ? Object.fromEntries(searchParams) : await bodyOf(incoming);
    return { status: 200, body: await call.answer(request) };
  } catch (error) {
    if (error instanceof Refused) return { status: 409, body: { refused: error.reasons } };
    return { status: error instanceof BadRequest ? 400 : 500, body: { error: reasonOf(error) } };
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new BadRequest(`the request is longer than ${MAX_BODY_BYTES} bytes`);
    chunks.push(part);
  }
  if (bytes === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    throw new BadRequest(`the request is not JSON: ${reasonOf(error)}`);
  }
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`cannot create the control socket ${socketPath}: ${reasonOf(error)}`, { cause: error })),
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
