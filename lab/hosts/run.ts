import { spawn } from "node:child_process";
import type { CommandOutcome } from "./types.ts";

export interface RunOptions {
  /** What the command reads on its standard input; nothing by default. */
  readonly input?: string;
  /** After this long the command is killed and the call fails; no limit by default. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end. Fails only when it cannot be started, or takes longer than `timeoutMs`. */
export function outcomeOf(command: string, args: readonly string[], options: RunOptions = {}): Promise<CommandOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "pipe" });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let timedOut = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill("SIGKILL");
          }, options.timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(new Error(`Cannot run ${command}: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (timedOut) return reject(new Error(`${describe(command, args)} took longer than ${options.timeoutMs} ms`));
      // The shell's convention for a command that a signal ended.
      const exitCode = code ?? (signal === null ? 1 : 128);
      resolve({ exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    // A command that ends without reading its input is judged by its exit status.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a command and returns its standard output. Fails with the end of what it wrote when its exit status is not 0. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await outcomeOf(command, args, options);
  if (outcome.exitCode === 0) return outcome.stdout;
  const said = `${outcome.stdout}${outcome.stderr}`.trim().split("\n").slice(-20).join("\n");
  throw new Error(`${describe(command, args)} ended with exit status ${outcome.exitCode}:\n${said}`);
}

function describe(command: string, args: readonly string[]): string {
  const text = [command, ...args].join(" ");
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
