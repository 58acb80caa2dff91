import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Lab } from "../hosts/lab.ts";
import { pulumiEnvironment } from "../machine/pulumi.ts";
import { isMissing } from "../util/files.ts";
import { labDirectoryVariable } from "./ovh/cloud.ts";
import { labCredentials } from "./ovh/credentials.ts";
import { type StackConfiguration, writeLabPolicyPack, writeLabProject, writeStackConfiguration } from "./project.ts";

export interface EngineOptions {
  /** Directory of the users' Pulumi.yaml, whose program is run. */
  readonly usersProject: string;
  /** Directory of the engine's project file, stacks and settings. */
  readonly directory: string;
  /** The lab of the cloud's instances. Absent: previews only. */
  readonly lab?: Lab;
}

export interface RunOptions {
  /** Called with each line of the CLI's output. */
  readonly onLine?: (line: string) => void;
  /** Interrupts the engine, which finishes its current operation and saves its state. */
  readonly signal?: AbortSignal;
  /** Additional arguments, such as `--target` with a URN, or `--expect-no-changes`. */
  readonly args?: readonly string[];
}

/** The engine's counts of resources that an operation created, updated, left the same, … */
export type ResourceChanges = Readonly<Partial<Record<"same" | "create" | "update" | "replace" | "delete", number>>>;

export interface Outcome {
  readonly changes: ResourceChanges;
  /** The CLI's whole output. */
  readonly output: string;
}

/** Of the output of a failed run: what failed, and how the output ends. */
const ENDING_LINES = 60;

/** A failed run of the CLI; the message has the lines about errors, and the end of its output. */
export class PulumiError extends Error {
  readonly output: string;
  constructor(argv: readonly string[], status: number | null, output: string) {
    const lines = output.trimEnd().split("\n");
    // The diagnostics stand before the stack's outputs, which can be long.
    const errors = lines.slice(0, -ENDING_LINES).filter((line) => /\berror:|\bfailed\b/.test(line));
    const shown = [...errors, ...lines.slice(-ENDING_LINES)].join("\n");
    super(`\`pulumi ${argv.join(" ")}\` ended with status ${status ?? "none (a signal ended it)"}:\n${shown}`);
    this.name = "PulumiError";
    this.output = output;
  }
}

/**
 * The real Pulumi engine with the users' program and the lab's cloud. Runs in the lab's controller network, which reaches
 * every host.
 */
export class PulumiEngine {
  readonly #options: EngineOptions;
  /** Environment in which the CLI uses this engine's stacks and settings. */
  readonly environment: Readonly<Record<string, string>>;

  private constructor(options: EngineOptions, environment: Record<string, string>) {
    this.#options = options;
    this.environment = environment;
  }

  /** Directory of the engine's project file. */
  get directory(): string {
    return this.#options.directory;
  }

  /** Prepares the engine's directory: project file, backend, passphrase. Keeps existing stacks. */
  static async open(options: EngineOptions): Promise<PulumiEngine> {
    const home = path.join(options.directory, "home");
    const backendDirectory = path.join(options.directory, "stacks");
    await writeLabProject(options.usersProject, options.directory);
    await Promise.all([home, backendDirectory].map((made) => mkdir(made, { recursive: true, mode: 0o700 })));
    const passphrase = await storedPassphrase(path.join(options.directory, "passphrase"));
    const environment = {
      ...pulumiEnvironment({ home, backendDirectory, passphrase }),
      ...labCredentials,
      // Enables the CLI's option --event-log, which its Automation API also uses.
      PULUMI_DEBUG_COMMANDS: "true",
      ...(options.lab === undefined ? {} : { [labDirectoryVariable]: options.lab.directory }),
    };
    return new PulumiEngine(options, environment);
  }

  /** Creates the stack if missing, and sets its plain configuration ("es-failover:region": "gra"). */
  async prepareStack(stack: string, configuration: StackConfiguration = {}): Promise<void> {
    await this.run(["stack", "select", "--create", stack]);
    const { usersProject, directory } = this.#options;
    await writeStackConfiguration(usersProject, directory, stack, configuration);
  }

  /** Sets an encrypted value, which is passed by standard input. */
  async setSecret(stack: string, key: string, value: string): Promise<void> {
    await this.run(["config", "set", "--secret", "--raw", "--stack", stack, key], {}, value);
  }

  /** Prepares a policy pack of the users' project, for the CLI's option --policy-pack. @returns its directory */
  policyPack(usersPack: string): Promise<string> {
    return writeLabPolicyPack(usersPack, this.#options.directory);
  }

  preview(stack: string, options: RunOptions = {}): Promise<Outcome> {
    return this.#operation(["preview", "--stack", stack], options);
  }

  up(stack: string, options: RunOptions = {}): Promise<Outcome> {
    return this.#operation(["up", "--yes", "--skip-preview", "--stack", stack], options);
  }

  refresh(stack: string, options: RunOptions = {}): Promise<Outcome> {
    return this.#operation(["refresh", "--yes", "--skip-preview", "--stack", stack], options);
  }

  /** Destroys the stack's resources; keeps the stack and its configuration. */
  destroy(stack: string, options: RunOptions = {}): Promise<Outcome> {
    return this.#operation(["destroy", "--yes", "--skip-preview", "--stack", stack], options);
  }

  /** The stack's outputs; "[secret]" for secret ones unless `showSecrets`. */
  async outputs(stack: string, options: { readonly showSecrets?: boolean } = {}): Promise<Record<string, unknown>> {
    const secrets = options.showSecrets === true ? ["--show-secrets"] : [];
    return JSON.parse(await this.run(["stack", "output", "--json", ...secrets, "--stack", stack])) as Record<
      string,
      unknown
    >;
  }

  /** Runs the CLI. @returns its output @throws PulumiError when it exits non-zero */
  async run(argv: readonly string[], options: RunOptions = {}, input = ""): Promise<string> {
    // The language host leaves pipes in the temporary directory, so each run gets its own.
    const scratch = await mkdtemp(path.join(tmpdir(), "pulumi-"));
    try {
      return await this.#runIn(scratch, argv, options, input);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async #runIn(scratch: string, argv: readonly string[], options: RunOptions, input: string): Promise<string> {
    const [program = "pulumi", ...args] = this.#command(["pulumi", "--non-interactive", "--color=never", ...argv]);
    const env = { ...this.environment, TMPDIR: scratch };
    const child = spawn(program, args, { cwd: this.#options.directory, env, stdio: "pipe" });
    const interrupt = (): boolean => child.kill("SIGINT");
    options.signal?.addEventListener("abort", interrupt, { once: true });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        options.onLine?.(line);
      });
    }
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    options.signal?.removeEventListener("abort", interrupt);
    const output = `${lines.join("\n")}\n`;
    if (status !== 0) throw new PulumiError(argv, status, output);
    return output;
  }

  #command(argv: readonly string[]): readonly string[] {
    return this.#options.lab?.controllerCommand(argv) ?? argv;
  }

  async #operation(argv: readonly string[], options: RunOptions): Promise<Outcome> {
    const scratch = await mkdtemp(path.join(tmpdir(), "pulumi-"));
    try {
      const events = path.join(scratch, "events.jsonl");
      const output = await this.run([...argv, "--event-log", events, ...(options.args ?? [])], options);
      return { output, changes: await changesIn(events) };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}

/** The engine's summary in its event log (a JSON object per line). */
async function changesIn(eventLog: string): Promise<ResourceChanges> {
  const events = (await readFile(eventLog, "utf8")).trim().split("\n");
  for (const line of events.reverse()) {
    const event = JSON.parse(line) as { summaryEvent?: { resourceChanges?: ResourceChanges } };
    if (event.summaryEvent !== undefined) return event.summaryEvent.resourceChanges ?? {};
  }
  return {};
}

/** The passphrase of a directory's stacks, generated at first use. Readers of a lab's files may know it. */
async function storedPassphrase(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const passphrase = randomBytes(24).toString("base64url");
  await writeFile(file, passphrase, { mode: 0o600, flag: "wx" });
  return passphrase;
}
