import { spawn } from "node:child_process";
import { reasonOf } from "./files.ts";

export interface ProgramRun {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  /** For its standard input, which is empty otherwise. */
  readonly input?: string;
  readonly timeoutMs: number;
  /** Kills it, too. */
  readonly signal?: AbortSignal;
}

/** Characters of output that are kept: the last ones. */
const MAX_OUTPUT = 400;

/**
 * Runs a program, and kills it with its whole process group after the timeout.
 *
 * @returns the end of its output, on one line
 * @throws Error that names the program, how it ended, and the end of its output
 */
export function runProgram({
  command: [program, ...args],
  env,
  input,
  timeoutMs,
  signal,
}: ProgramRun): Promise<string> {
  return new Promise((resolve, reject) => {
    // Its own process group, so that everything it starts can be killed with it.
    const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "pipe"], env });
    let output = "";
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-MAX_OUTPUT);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    // A program that does not read its input may end before all of it is written.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
    let killed: string | null = null;
    const kill = (reason: string) => {
      killed ??= reason;
      killGroup(child.pid);
    };
    const timer = setTimeout(() => kill(`did not end within ${timeoutMs} ms and was killed`), timeoutMs);
    const abort = () => kill("was killed, as its caller stops");
    signal?.addEventListener("abort", abort, { once: true });
    const ended = (reason: string | null) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      child.stdout.destroy();
      child.stderr.destroy();
      const printed = onOneLine(output);
      if (reason === null) return resolve(printed);
      const detail = printed === "" ? "" : `: ${printed}`;
      reject(new Error(`${program} ${reason}${detail}`));
    };
    child.once("error", (error) => ended(`cannot be started: ${reasonOf(error)}`));
    // Not "close": a process that left the group may keep the pipes open for ever.
    child.once("exit", (code, by) => {
      if (killed !== null) ended(killed);
      else if (code === 0) ended(null);
      else ended(code === null ? `was ended by ${by}` : `ended with status ${code}`);
    });
    if (signal?.aborted) abort();
  });
}

/** Without control characters, which a terminal that shows a log might obey. */
const onOneLine = (output: string) => output.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
