import { spawn } from "node:child_process";

/** How a command ended. A non-zero exit status is an outcome, not an exception. */
export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Working directory; default: this process's own. */
  readonly cwd?: string;
  /** The whole environment of the command; default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Written to its standard input, which is then closed; default: nothing. Pass secrets here: arguments are public. */
  readonly input?: string;
  /** After this time the command is killed and the call rejects; default: no limit. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end. @throws Error only when it cannot start or takes longer than `timeoutMs` */
export function outcomeOf(command: string, args: readonly string[], options: RunOptions = {}): Promise<CommandOutcome> {
  const { cwd, env = process.env, input = "", timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: "pipe" });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let timedOut = false;
    const kill = () => {
      timedOut = true;
      child.kill("SIGKILL");
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(kill, timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(new Error(`Cannot run ${command}: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (timedOut) return reject(new Error(`${describe(command, args)} took longer than ${timeoutMs} ms`));
      // The shell's convention for a command that a signal ended.
      const exitCode = code ?? (signal === null ? 1 : 128);
      resolve({ exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    // A command may end without reading its input; only its exit status counts.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Runs a command and returns its standard output. @throws Error with the end of its output when it exits non-zero */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await outcomeOf(command, args, options);
  if (outcome.exitCode === 0) return outcome.stdout;
  const lastLines = `${outcome.stdout}${outcome.stderr}`.trim().split("\n").slice(-30).join("\n");
  throw new Error(`${describe(command, args)} ended with exit status ${outcome.exitCode}:\n${lastLines}`);
}

function describe(command: string, args: readonly string[]): string {
  const text = [command, ...args].join(" ");
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
