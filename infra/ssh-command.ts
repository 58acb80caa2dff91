import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** A command on a host, given by a person's own `ssh` as provisioning's user. */
export interface SshCommand {
  /** File of the private key. */
  readonly key: string;
  /** User and address: debian@203.0.113.7. */
  readonly target: string;
  /** Never with a secret: every user of both hosts can see it. */
  readonly command: string;
  /** What it reads. Default: nothing. */
  readonly input?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
}

export interface SshOutcome {
  /** null where a signal, or the time, ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** As provisioning itself, which cannot know a host's key beforehand: see docs/security.md. */
const sshOptions = [
  ...["BatchMode=yes", "ConnectTimeout=10", "LogLevel=ERROR"],
  ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"],
];

/** Runs it to its end. @throws Error where there is no `ssh` */
export function overSsh({ key, target, command, input, environment, timeoutMs }: SshCommand): Promise<SshOutcome> {
  const args = ["-i", key, ...sshOptions.flatMap((option) => ["-o", option]), target, command];
  return new Promise((resolve, reject) => {
    const child = spawn("ssh", args, { env: environment, stdio: "pipe", timeout: timeoutMs });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
    // A connection that fails closes the pipe; its status and stderr give the reason.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}

/** Keeps a private key in a file, closed to others, for as long as the work takes. */
export async function withKeyFile<T>(privateKey: string, work: (file: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-ssh-"));
  try {
    const file = path.join(scratch, "key");
    await writeFile(file, `${privateKey.trim()}\n`, { mode: 0o600 });
    return await work(file);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
