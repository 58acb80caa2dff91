import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createTestAuthority } from "../../../lab/elasticsearch/certificates.ts";
import { freePort } from "../../../lab/util/free-ports.ts";
import { eventually } from "../../../lab/util/until.ts";
import { profiles } from "../../../watchdog/config/profiles.ts";
import type { WatchdogConfigInput } from "../../../watchdog/config/schema.ts";
import type { WatchdogStatus } from "../../../watchdog/controller/status.ts";
import { type Ended, runProgram } from "./run-program.ts";

const program = path.join(import.meta.dirname, "..", "..", "..", "watchdog", "cli", "main.ts");

/** Password of the watchdog's user `es-failover` in Elasticsearch. */
export const PASSWORD = "correct horse battery staple";

export interface CommandLineChanges extends Partial<WatchdogConfigInput> {
  /** The CA of the regions' nodes; default: one without certificates. */
  readonly caFile?: string;
}

/** The command line as a user runs it, with a watchdog to ask, in a directory of its own. */
export class CommandLine {
  readonly directory: string;
  readonly configFile: string;
  #watchdog: ChildProcess | null = null;
  #logged = "";

  private constructor(directory: string) {
    this.directory = directory;
    this.configFile = this.at("watchdog.json");
  }

  /** The regions do not answer, unless `changes` has their addresses. */
  static async create({ caFile, ...changes }: CommandLineChanges = {}): Promise<CommandLine> {
    const line = new CommandLine(await mkdtemp(path.join(tmpdir(), "es-failover-commands-")));
    await writeFile(line.at("password"), PASSWORD, { mode: 0o600 });
    await writeFile(line.at("ca.crt"), (await createTestAuthority("commands test")).certificate);
    const config: WatchdogConfigInput = {
      name: "bhs-hap-1",
      site: "bhs",
      regions: {
        gra: { nodes: [`https://127.0.0.1:${await freePort()}`] },
        bhs: { nodes: [`https://127.0.0.1:${await freePort()}`] },
      },
      firstPrimary: "gra",
      elasticsearch: {
        username: "es-failover",
        passwordFile: line.at("password"),
        caFile: caFile ?? line.at("ca.crt"),
      },
      replication: { patterns: ["orders*"], intervalMs: 1_000 },
      checks: profiles.fast.checks,
      store: { kind: "file", directory: line.at("store") },
      router: {
        adminSocket: line.at("no-haproxy.sock"),
        masterSocket: line.at("no-master.sock"),
        ticketMapFile: line.at("ticket.map"),
      },
      stateDirectory: line.at("state"),
      controlSocket: line.at("control.sock"),
      ...changes,
    };
    await writeFile(line.configFile, JSON.stringify(config));
    return line;
  }

  at(name: string): string {
    return path.join(this.directory, name);
  }

  /** The program and its first arguments, to be started in another way. */
  get command(): readonly string[] {
    return [process.execPath, program, "--config", this.configFile];
  }

  /** Runs the command to its end, and fails when a message has a stack trace. */
  run(...args: readonly string[]): Promise<Ended> {
    const [file = "", ...first] = this.command;
    return runProgram(file, [...first, ...args]);
  }

  async json<T>(...args: readonly string[]): Promise<T> {
    const { out, err, code } = await this.run(...args, "--json");
    try {
      return JSON.parse(out) as T;
    } catch (error) {
      throw new Error(`no JSON (exit ${code}): ${out}${err}`, { cause: error });
    }
  }

  status(): Promise<WatchdogStatus> {
    return this.json<WatchdogStatus>("status");
  }

  /** Starts the watchdog, and returns once it has made a decision. */
  async startWatchdog(): Promise<void> {
    const [file = "", ...first] = this.command;
    this.#logged = "";
    const child = spawn(file, [...first, "run"], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        this.#logged += chunk;
      });
    }
    this.#watchdog = child;
    await eventually(
      () => `the watchdog decides; its output: ${this.#logged}`,
      60_000,
      async () => (await this.status()).decisions.length > 0,
    );
  }

  get logged(): string {
    return this.#logged;
  }

  /** @param by SIGKILL: it has no time to end anything */
  async stopWatchdog(by: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#watchdog;
    this.#watchdog = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(by);
    await ended;
  }

  async remove(): Promise<void> {
    await this.stopWatchdog();
    await rm(this.directory, { recursive: true, force: true });
  }
}
