import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import type { Call } from "../protocol/package.ts";
import { aliases, writeConfiguration } from "./client-configuration.ts";
import type { Connection } from "./connection.ts";
import { readCredentials } from "./credentials.ts";
import { dial } from "./dial.ts";
import { type ProcessOptions, type ProcessOutcome, runProcess } from "./process.ts";

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
  await readCredentials(connection);
  const directory = await mkdtemp(path.join(tmpdir(), "ssh-"));
  try {
    const configuration = await writeConfiguration(directory, connection);
    const master = await dial(configuration, connection, call);
    try {
      return await work({
        run: (script, options = {}) => {
          const first = Buffer.from(`${Buffer.from(script).toString("base64")}\n`);
          const input = options.input === undefined ? Readable.from([first]) : concatenated(first, options.input);
          const sendEnvironment = Object.keys(options.env ?? {}).flatMap((name) => ["-o", `SendEnv=${name}`]);
          const env = { ...process.env, ...options.env };
          const { signal } = call;
          const argv = [...sendEnvironment, "-F", configuration.file, aliases.target, readScriptAndRun];
          return runProcess("ssh", argv, { ...options, env, input, signal });
        },
      });
    } finally {
      await master.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function concatenated(first: Buffer, rest: Readable): Readable {
  return Readable.from(
    (async function* () {
      yield first;
      yield* rest;
    })(),
  );
}
