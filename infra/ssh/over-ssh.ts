import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { SshAccess } from "./access.ts";
import { clientFiles } from "./client-files.ts";

/** A command on a host, given by OpenSSH's client as provisioning's user. */
export interface SshCommand {
  readonly access: SshAccess;
  /** Provisioning's key, which a bastion accepts as well. */
  readonly privateKey: string;
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

/** Runs it to its end. @throws Error where there is no `ssh` */
export async function overSsh({ access, privateKey, ...command }: SshCommand): Promise<SshOutcome> {
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-ssh-"));
  try {
    const { files, configuration, target } = clientFiles(access, privateKey, directory);
    for (const [name, text] of Object.entries(files))
      await writeFile(path.join(directory, name), text, { mode: 0o600 });
    return await run(["-F", path.join(directory, configuration), target, command.command], command);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function run(
  args: readonly string[],
  { input, environment, timeoutMs }: Pick<SshCommand, "input" | "environment" | "timeoutMs">,
): Promise<SshOutcome> {
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
