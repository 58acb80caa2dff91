import { chmod, rm } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import { connect } from "node:net";
import { errnoOf, reasonOf } from "./files.ts";

/** What the socket answers to: a path, and what it returns as JSON. */
export type ControlRoutes = Readonly<Record<`/${string}`, () => unknown>>;

/**
 * Serves the watchdog's state over HTTP on a unix socket. Whoever may open the socket may ask: its owner and its group
 * (mode 0660). Nothing can be changed through it.
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
    const route = routes[(incoming.url ?? "/") as `/${string}`];
    const answer = (status: number, body: unknown): void => {
      outgoing.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
    };
    if (incoming.method !== "GET") return answer(405, { error: "this socket only answers to GET" });
    if (route === undefined) return answer(404, { error: `one of ${Object.keys(routes).join(", ")} is answered` });
    try {
      answer(200, route());
    } catch (error) {
      answer(500, { error: reasonOf(error) });
    }
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

/**
 * Asks a running watchdog.
 *
 * @throws WatchdogNotRunning
 * @throws Error when it answers with an error, not in time, or may not be asked
 */
export function askControlSocket(socketPath: string, route: `/${string}`, timeoutMs = 5_000): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: route, timeout: timeoutMs }, (incoming) => {
      let body = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        body += chunk;
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        if (incoming.statusCode === 200) resolve(JSON.parse(body));
        else reject(new Error(`the watchdog at ${socketPath} answered ${incoming.statusCode}: ${body.trim()}`));
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
    outgoing.end();
  });
}
