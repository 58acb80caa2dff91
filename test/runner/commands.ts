import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

export interface CommandOptions {
  /** Whether other commands write to the terminal at the same time: then the output appears line by line. */
  readonly shared: boolean;
  /** How far everything else goes first where processor time is short, as `nice` has it. Default: 0. */
  readonly niceness?: number;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs programs in a directory. A signal that asks this process to end goes on to them, and no further one starts. */
export class Commands {
  readonly #directory: string;
  readonly #running = new Set<ChildProcess>();
  #interruptedBy: NodeJS.Signals | null = null;

  constructor(directory: string) {
    this.#directory = directory;
    for (const signal of signals) process.on(signal, () => this.#interrupt(signal));
  }

  /**
   * @returns the exit status; 1 when a signal ended the program
   * @throws when this process was asked to end
   */
  async run(argv: readonly string[], options: CommandOptions): Promise<number> {
    this.#assertNotInterrupted();
    const status = await this.#spawn(argv, options);
    this.#assertNotInterrupted();
    return status;
  }

  #spawn([command = "", ...args]: readonly string[], { shared, niceness = 0 }: CommandOptions): Promise<number> {
    return new Promise((resolve, reject) => {
      const output = shared ? "pipe" : "inherit";
      const child = spawn(command, args, {
        ...{ cwd: this.#directory, stdio: ["inherit", output, output] },
        // A session of its own, for `beNice`.
        detached: niceness > 0,
      });
      if (niceness > 0 && child.pid !== undefined) beNice(child.pid, niceness);
      this.#running.add(child);
      if (child.stdout !== null) forward(child.stdout, process.stdout);
      if (child.stderr !== null) forward(child.stderr, process.stderr);
      child.on("error", reject);
      child.on("close", (code) => {
        this.#running.delete(child);
        resolve(code ?? 1);
      });
    });
  }

  #interrupt(signal: NodeJS.Signals): void {
    this.#interruptedBy = signal;
    for (const child of this.#running) child.kill(signal);
  }

  #assertNotInterrupted(): void {
    if (this.#interruptedBy !== null) throw new Error(`interrupted by ${this.#interruptedBy}`);
  }
}

/**
 * Linux shares processors among sessions first, where the kernel groups them (sched_autogroup_enabled), and by the priority of
 * processes within one: both are set.
 */
function beNice(pid: number, niceness: number): void {
  setPriority(pid, niceness);
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
  } catch {
    // No such grouping here, or no permission: the process's own priority has to do.
  }
}

function forward(from: Readable, to: Writable): void {
  createInterface({ input: from }).on("line", (line) => to.write(`${line}\n`));
}
