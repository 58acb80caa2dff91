import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../../watchdog/util/errors.ts";
import type { Call } from "../protocol/package.ts";
import type { Connection, SshEndpoint } from "./connection.ts";
import { type ProcessOptions, type ProcessOutcome, runProcess } from "./process.ts";

/** Longest wait between dials; as in the published provider it starts at 100 ms and doubles. */
const maxRetryDelayMs = 5_000;

/**
 * Reads the script as one base64 line from standard input and runs it in the login shell with the rest of the input. So
 * neither the script nor a secret in it is an argument of a process, here or on the host.
 */
const readScriptAndRun = 'IFS= read -r script && eval "$(printf %s "$script" | base64 -d)"';

/** An open SSH connection. */
export interface SshSession {
  /** Runs a shell script on the host. Its exit status is an outcome, not an exception. */
  run(script: string, options?: Pick<ProcessOptions, "input" | "onLine" | "env">): Promise<ProcessOutcome>;
}

/**
 * Connects, runs `work` with the connection, and closes it. Repeats dials as `dialErrorLimit` allows; never repeats what
 * `work` runs.
 */
export async function withSshSession<T>(
  connection: Connection,
  call: Call,
  work: (session: SshSession) => Promise<T>,
): Promise<T> {
  await openAgent(connection.agentSocketPath ?? process.env["SSH_AUTH_SOCK"] ?? "");
  const directory = await mkdtemp(path.join(tmpdir(), "ssh-"));
  try {
    const argv = ["-F", await writeConfiguration(directory, connection), "target"];
    const master = await dial(argv, connection, call);
    try {
      return await work({
        run: (script, options = {}) => {
          const first = Buffer.from(`${Buffer.from(script).toString("base64")}\n`);
          const input = options.input === undefined ? Readable.from([first]) : concatenated(first, options.input);
          const sendEnvironment = Object.keys(options.env ?? {}).flatMap((name) => ["-o", `SendEnv=${name}`]);
          const env = { ...process.env, ...options.env };
          const { signal } = call;
          return runProcess("ssh", [...sendEnvironment, ...argv, readScriptAndRun], { ...options, env, input, signal });
        },
      });
    } finally {
      await master.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The real provider opens the agent before each connection, also where it has a key. @throws Error when nothing answers there */
async function openAgent(socketPath: string): Promise<void> {
  if (socketPath === "") return;
  const socket = connect(socketPath);
  await once(socket, "connect").catch((error: unknown) => {
    throw new Error(`dial unix ${socketPath}: ${messageOf(error)}`);
  });
  socket.destroy();
}

function concatenated(first: Buffer, rest: Readable): Readable {
  return Readable.from(
    (async function* () {
      yield first;
      yield* rest;
    })(),
  );
}

/** Writes an ssh_config with all details of the connection, and key files. @returns path of the ssh_config */
async function writeConfiguration(directory: string, connection: Connection): Promise<string> {
  const sections = [await hostSection(directory, "target", connection)];
  if (connection.proxy !== undefined) {
    sections.push("  ProxyJump proxy", await hostSection(directory, "proxy", connection.proxy));
  }
  const file = path.join(directory, "config");
  const control = [`  ControlPath ${path.join(directory, "control")}`, "  ControlPersist no"];
  const [target = "", ...rest] = sections;
  await writeFile(file, `${[target, ...control, ...rest].join("\n")}\n`, { mode: 0o600 });
  return file;
}

/**
 * In the order of Go's SSH client, which asks for the first of them that the host has, whichever key is pinned. OpenSSH would
 * ask for the pinned one.
 */
const hostKeyAlgorithms = [
  ...["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"],
  ...["rsa-sha2-256", "rsa-sha2-512", "ssh-ed25519"],
];

async function hostSection(directory: string, alias: string, endpoint: SshEndpoint): Promise<string> {
  const lines = [
    `Host ${alias}`,
    `  HostName ${configurationValue(endpoint.host)}`,
    `  Port ${endpoint.port}`,
    `  User ${configurationValue(endpoint.user)}`,
    "  BatchMode yes",
    "  LogLevel ERROR",
    `  ConnectTimeout ${endpoint.perDialTimeoutSeconds ?? 0}`,
    // Detects within a minute that a host died during a script.
    "  ServerAliveInterval 15",
    "  ServerAliveCountMax 4",
  ];
  if (endpoint.privateKey !== undefined) {
    const keyFile = path.join(directory, `${alias}.key`);
    await writeFile(keyFile, `${endpoint.privateKey.trimEnd()}\n`, { mode: 0o600 });
    lines.push(`  IdentityFile ${keyFile}`, "  IdentitiesOnly yes");
  }
  if (endpoint.agentSocketPath !== undefined) {
    lines.push(`  IdentityAgent ${configurationValue(endpoint.agentSocketPath)}`);
  }
  if (endpoint.hostKey === undefined) {
    lines.push("  StrictHostKeyChecking no", "  UserKnownHostsFile /dev/null");
  } else {
    const knownHosts = path.join(directory, `${alias}.known_hosts`);
    await writeFile(knownHosts, `${alias} ${endpoint.hostKey.trim()}\n`, { mode: 0o600 });
    lines.push(`  HostKeyAlgorithms ${hostKeyAlgorithms.join(",")}`);
    lines.push("  StrictHostKeyChecking yes", `  UserKnownHostsFile ${knownHosts}`, `  HostKeyAlias ${alias}`);
  }
  return lines.join("\n");
}

/** A value for ssh_config. @throws Error for one that could start another directive */
function configurationValue(value: string): string {
  if (!/^[^\s"]+$/.test(value)) throw new Error(`connection: "${value}" cannot be a host, user or path for SSH`);
  return value;
}

interface Master {
  close(): Promise<void>;
}

async function dial(argv: readonly string[], connection: Connection, call: Call): Promise<Master> {
  const limit = connection.dialErrorLimit;
  for (let failures = 0, delayMs = 100; ; delayMs = Math.min(delayMs * 2, maxRetryDelayMs)) {
    call.signal.throwIfAborted();
    const master = await dialOnce(argv, call.signal);
    if (typeof master !== "string") return master;
    failures += 1;
    const where = `${connection.user}@${connection.host}:${connection.port}`;
    if (limit !== undefined && failures > limit) {
      throw new Error(`SSH to ${where} failed ${failures} times, the last time with: ${master}`);
    }
    call.log("debug", `Dial ${failures}/${limit ?? "inf"} to ${where} failed: ${master}`);
    await delay(delayMs, undefined, { signal: call.signal });
  }
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
