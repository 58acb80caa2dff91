import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { z } from "zod";
import type { TwoRegions } from "../system/two-regions.ts";
import { quote, say } from "./screen.ts";

/** Longer than any command takes, so that only one that hangs reaches it. */
const PATIENCE_MS = 300_000;

/** An operator at work on one host: `es-failover` commands over SSH. */
export class Operator {
  readonly #system: TwoRegions;
  readonly host: string;

  constructor(system: TwoRegions, host: string) {
    this.#system = system;
    this.host = host;
  }

  /** Runs a command with its output on the screen. @throws Error when it exits non-zero */
  async show(...args: readonly string[]): Promise<void> {
    say(`  ${this.host}$ es-failover ${args.map(quoted).join(" ")}`);
    const [program = "ssh", ...argv] = await this.#system.lab.sshCommand(this.host, command(args));
    const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"], timeout: PATIENCE_MS });
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on("line", quote);
    await new Promise<void>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        if (code === 0) return resolve();
        reject(new Error(`es-failover ${args.join(" ")} on ${this.host} ended with ${signal ?? `exit code ${code}`}`));
      });
    });
  }

  /** Runs a command with --json and returns what it prints. */
  async query<Answer>(schema: z.ZodType<Answer>, ...args: readonly string[]): Promise<Answer> {
    const { stdout } = await this.#system.hosts.ssh(this.host, command([...args, "--json"]));
    return schema.parse(JSON.parse(stdout));
  }
}

/** SSH passes the arguments to a shell as one line. */
const command = (args: readonly string[]) => ["sudo", "es-failover", ...args.map(quoted)];
const quoted = (word: string) => (/^[\w.,:=/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
