import { request as httpRequest } from "node:http";
import { z } from "zod";
import { errnoOf } from "../../util/files.ts";
import { describeIssue, Refused, type SocketCall } from "../../util/socket-api.ts";

/** Nothing answers on the socket: the watchdog is not running, or not installed. */
export class WatchdogNotRunning extends Error {}

export interface AskOptions {
  /** Default 5 000 ms. */
  readonly timeoutMs?: number;
}

/**
 * Calls a running watchdog, and checks its answer.
 *
 * @throws WatchdogNotRunning
 * @throws Refused when it refuses the call; nothing is changed then
 * @throws Error when it answers with an error, with something else than the call's answer, or not in time, or when this
 *   user may not open the socket
 */
export async function askControlSocket<Request extends z.ZodObject, Answer extends z.ZodType>(
  socketPath: string,
  { route, answer }: SocketCall<Request, Answer>,
  request: z.input<Request>,
  { timeoutMs = 5_000 }: AskOptions = {},
): Promise<z.output<Answer>> {
  const [method = "GET", path = "/"] = route.split(" ", 2);
  const { status, text } = await send({ socketPath, timeoutMs, method, ...encode(method, path, request) });
  if (status === 409) throw new Refused(refusalSchema.parse(JSON.parse(text)).refused);
  if (status !== 200) throw new Error(`the watchdog at ${socketPath} answered ${status}: ${text.trim()}`);
  const parsed = answer.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const issue = describeIssue(parsed.error, "not what was expected");
  throw new Error(`the watchdog at ${socketPath} gave an answer that this version cannot read: ${issue}`);
}

const refusalSchema = z.object({ refused: z.array(z.string()) });

function encode(method: string, path: string, request: object): { readonly path: string; readonly payload: string } {
  if (method !== "GET") return { path, payload: JSON.stringify(request) };
  const query = new URLSearchParams(
    Object.entries(request).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  return { path: query === "" ? path : `${path}?${query}`, payload: "" };
}

interface Sent {
  readonly socketPath: string;
  readonly timeoutMs: number;
  readonly method: string;
  readonly path: string;
  readonly payload: string;
}

function send(call: Sent): Promise<{ readonly status: number; readonly text: string }> {
  const { socketPath, timeoutMs, method, path, payload } = call;
  // Node adds no length to a DELETE by itself, and the server would take the body for another request.
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ socketPath, method, path, headers, timeout: timeoutMs }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("error", reject);
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on("timeout", () =>
      outgoing.destroy(new Error(`the watchdog at ${socketPath} did not answer within ${timeoutMs} ms`)),
    );
    outgoing.on("error", (error) => reject(connectionError(socketPath, error)));
    outgoing.end(payload);
  });
}

function connectionError(socketPath: string, error: Error): Error {
  const code = errnoOf(error);
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return new WatchdogNotRunning(`no watchdog is running: nothing answers on ${socketPath}`);
  }
  return code === "EACCES"
    ? new Error(`${socketPath} may be opened only by root and members of the group es-failover`)
    : error;
}
