import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Call } from "../protocol/package.ts";
import { aliases, type ClientConfiguration } from "./client-configuration.ts";
import type { Connection, SshEndpoint } from "./connection.ts";

/** Longest wait between dials; as in the published provider it starts at 100 ms and doubles. */
const maxRetryDelayMs = 5_000;

/** An open connection. */
export interface Master {
  close(): Promise<void>;
}

/** What an attempt came to that has failed: the step that is repeated, by whose limit; or the end of it. */
type Failure =
  | { readonly of: SshEndpoint; readonly reason: string; readonly isFinal?: false }
  | { readonly reason: string; readonly isFinal: true };

/**
 * Connects as the real provider does. Through a proxy that takes three steps: to the proxy, by its own limit of dials; from there to
 * the host, by the host's; and the handshake with the host, which it repeats on the same broken connection, so that one failure is
 * final.
 *
 * Needs no shell on the proxy, which may forward connections alone.
 */
export async function dial(
  { file, proxyMark }: ClientConfiguration,
  connection: Connection,
  call: Call,
): Promise<Master> {
  const failures = new Map<SshEndpoint, number>();
  for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, maxRetryDelayMs)) {
    call.signal.throwIfAborted();
    await rm(proxyMark, { force: true });
    const dialled = await dialOnce(["-F", file, aliases.target], call.signal);
    if (typeof dialled !== "string") return dialled;
    const failure = failureOf(dialled, connection, existsSync(proxyMark));
    const prefix = connection.proxy === undefined ? "" : "proxy: ";
    if (failure.isFinal) throw new Error(`${prefix}${failure.reason}`);
    const { user, host, port, dialErrorLimit: limit } = failure.of;
    const where = `${user}@${host}:${port}`;
    const count = (failures.get(failure.of) ?? 0) + 1;
    failures.set(failure.of, count);
    if (limit !== undefined && count > limit) {
      throw new Error(`${prefix}SSH to ${where} failed ${count} times, the last time with: ${failure.reason}`);
    }
    call.log("debug", `Dial ${count}/${limit ?? "inf"} to ${where} failed: ${failure.reason}`);
    await delay(delayMs, undefined, { signal: call.signal });
  }
}

/** @param isPastProxy whether the proxy has let us in */
function failureOf(text: string, connection: Connection, isPastProxy: boolean): Failure {
  const { proxy } = connection;
  if (proxy === undefined) return { of: connection, reason: text };
  if (!isPastProxy) return { of: proxy, reason: text };
  const refused = /open failed: (.+)/.exec(text)?.[1]?.trim();
  if (refused !== undefined || text.includes("timed out")) {
    return { of: connection, reason: `ssh: rejected: ${refused ?? text}` };
  }
  const reason =
    `after ${connection.dialErrorLimit ?? "all"} failed attempts: ssh: handshake failed: ${text} (the real provider repeats the ` +
    "handshake on the same connection, and shows what it meets last)";
  return { reason, isFinal: true };
}

/**
 * Opens a master connection, which ends with its standard input and so with this process at the latest.
 * @returns the connection, or the error text when it fails
 */
function dialOnce(argv: readonly string[], signal: AbortSignal): Promise<Master | string> {
  const child = spawn("ssh", ["-M", ...argv, "echo connected && exec cat"], {
    stdio: ["pipe", "pipe", "pipe"],
    signal,
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString("utf8");
  });
  child.stdin.on("error", () => undefined);
  return new Promise((resolve) => {
    child.stdout.once("data", () =>
      resolve({
        close: () => {
          child.stdin.end();
          return closed;
        },
      }),
    );
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(errors.trim() || `ssh ended with status ${code}`));
  });
}
