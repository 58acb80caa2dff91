import { type SpawnOptions, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface ProcessOutcome {
  /** Exit status; -1 when a signal ended the process. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions extends Pick<SpawnOptions, "cwd" | "env" | "stdio"> {
  readonly signal: AbortSignal;
  /** Standard input of the process; default: empty. */
  readonly input?: Readable;
  /** Called with each complete line as it arrives. What it throws ends the process and the call. */
  readonly onLine?: (stream: "stdout" | "stderr", line: string) => void;
}

/** Runs a program to its end. @throws Error only when it cannot start; its exit status is an outcome */
export async function runProcess(
  file: string,
  argv: readonly string[],
  options: ProcessOptions,
): Promise<ProcessOutcome> {
  const { onLine, input, ...spawnOptions } = options;
  const child = spawn(file, argv, { stdio: ["pipe", "pipe", "pipe"], ...spawnOptions });
  const stdout = new LineCollector((line) => onLine?.("stdout", line));
  const stderr = new LineCollector((line) => onLine?.("stderr", line));
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? -1));
    const collect = (collector: LineCollector) => (chunk: Buffer) => {
      try {
        collector.add(chunk);
      } catch (error) {
        child.kill();
        reject(error);
      }
    };
    child.stdout?.on("data", collect(stdout));
    child.stderr?.on("data", collect(stderr));
  });
  // Together: a process that ends badly while it is fed must not leave a rejection that nothing handles.
  const [status] = await Promise.all([ended, child.stdin === null ? undefined : feed(input, child.stdin)]);
  return { status, stdout: stdout.end(), stderr: stderr.end() };
}

/** A program may end without reading all of its input. */
async function feed(input: Readable | undefined, stdin: NodeJS.WritableStream): Promise<void> {
  stdin.on("error", () => undefined);
  if (input === undefined) stdin.end();
  else await pipeline(input, stdin).catch(ignoreClosedPipe);
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
}

class LineCollector {
  readonly #onLine: (line: string) => void;
  readonly #chunks: Buffer[] = [];
  #unfinished = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    const lines = (this.#unfinished + chunk.toString("utf8")).split("\n");
    this.#unfinished = lines.pop() ?? "";
    for (const line of lines) this.#onLine(line);
  }

  /** The whole output, without its last newline. */
  end(): string {
    if (this.#unfinished !== "") this.#onLine(this.#unfinished);
    return Buffer.concat(this.#chunks).toString("utf8").replace(/\n$/, "");
  }
}
