import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TwoRegions } from "../system/two-regions.ts";
import { quote, say } from "./screen.ts";

/** Longer than any command takes that does not hang. */
const PATIENCE_MS = 300_000;

/** The operator at work on one host: `es-failover` commands over SSH, shown on the screen with what they print. */
export class Operator {
  readonly #system: TwoRegions;
  readonly host: string;

  constructor(system: TwoRegions, host: string) {
    this.#system = system;
    this.host = host;
  }

  /** Runs a command for everybody to see. Fails when it does, which none of them is to. */
  async shows(...args: readonly string[]): Promise<void> {
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

  /** What a command answers as JSON. */
  async asks(...args: readonly string[]): Promise<unknown> {
    const { stdout } = await this.#system.hosts.ssh(this.host, command([...args, "--json"]));
    return JSON.parse(stdout);
  }
}

/** SSH hands the words to a shell. */
const command = (args: readonly string[]) => ["sudo", "es-failover", ...args.map(quoted)];
const quoted = (word: string) => (/^[\w.,:=/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
