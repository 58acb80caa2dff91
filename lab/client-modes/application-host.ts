import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cToolchainObstacle } from "../machine/c-toolchain.ts";
import type { TwoRegions } from "../system/two-regions.ts";
import { run } from "../util/run.ts";
import { type LedgerEntry, parseLedger } from "./ledger.ts";

const sources = path.resolve(import.meta.dirname, "..", "..", "clients", "c");

/** Who the programs run as, and where they and their files are. */
const user = "ways";
export const home = "/srv/ways";
export const demoProgram = `${home}/escluster-demo`;
export const caFile = `${home}/ca.crt`;

/** A healthy run needs far less. */
const PATIENCE_MS = 300_000;
const POLL_MS = 500;

/**
 * The host that the applications run on. It is the HAProxy host of bhs: the security groups let nobody else reach
 * Elasticsearch's port, and two of the three ways do so. It outlives the loss of gra.
 */
export class ApplicationHost {
  readonly name: string;
  readonly #system: TwoRegions;

  private constructor(name: string, system: TwoRegions) {
    this.name = name;
    this.#system = system;
  }

  /** Brings the program and the CA there; what an earlier run left is removed first. */
  static async prepare(system: TwoRegions): Promise<ApplicationHost> {
    const host = new ApplicationHost(await system.hosts.router("bhs"), system);
    const script = [
      "set -eu",
      "dpkg-query --show libcurl4t64 >/dev/null || apt-get --quiet --yes install libcurl4t64 </dev/null",
      `id ${user} >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin ${user}`,
      `rm -rf ${home}`,
      `install -d -m 0700 -o ${user} -g ${user} ${home}`,
      `install -m 0644 /etc/es-failover/ca.crt ${caFile}`,
      `base64 --decode >${demoProgram}`,
      `chmod 0755 ${demoProgram}`,
    ].join("\n");
    await host.stopAll();
    await host.run(["sh", "-c", script], (await builtDemo()).toString("base64"));
    return host;
  }

  /** Runs a command as root to its end. @throws Error when it fails */
  async run(argv: readonly string[], input = ""): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#system.lab.exec(this.name, argv, {
      input,
      timeoutMs: PATIENCE_MS,
    });
    if (exitCode !== 0) throw new Error(`${this.name}: ${argv.join(" ")} ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout;
  }

  /** A file of the applications' user, there as a whole or not at all. */
  async write(name: string, text: string, mode = "0644"): Promise<void> {
    const script = 'umask 077; cat >"$1.new" && chown "$2:" "$1.new" && chmod "$3" "$1.new" && mv "$1.new" "$1"';
    await this.run(["sh", "-c", script, "write", `${home}/${name}`, user, mode], text);
  }

  /** A program in the background, as the applications' user; what it says goes to `<name>.log`. */
  async start(name: string, argv: readonly string[]): Promise<void> {
    const log = `append:${home}/${name}.log`;
    const settings = [`--unit=${user}-${name}`, `--uid=${user}`, `--property=StandardError=${log}`];
    await this.run(["systemd-run", "--quiet", "--collect", ...settings, ...argv]);
  }

  async privateIp(): Promise<string> {
    const address = (await this.#system.lab.host(this.name))?.privateIp;
    if (address === undefined) throw new Error(`${this.name} has no private address`);
    return address;
  }

  async pidOf(name: string): Promise<string> {
    return this.run(["systemctl", "show", "--property=MainPID", "--value", `${user}-${name}`]);
  }

  async stop(name: string): Promise<void> {
    await this.run(["systemctl", "stop", `${user}-${name}`]);
  }

  async stopAll(): Promise<void> {
    await this.stop("*.service");
  }
}

/** Hosts need no compiler: the machine's own builds what runs there. */
async function builtDemo(): Promise<Buffer> {
  const obstacle = await cToolchainObstacle();
  if (obstacle !== undefined) throw new Error(`clients/c cannot be built: ${obstacle}`);
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-ways-"));
  try {
    const demo = path.join(scratch, "escluster-demo");
    await run("make", ["--silent", "-C", sources, `BUILD=${scratch}`, demo]);
    return await readFile(demo);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Small enough for a machine that carries six nodes, enough for replication to be behind at any moment. */
const usualLoad = ["--threads", "2", "--interval", "50"];

/** escluster-demo at work. Ids of its documents begin with its name. */
export class Writer {
  readonly name: string;
  readonly #host: ApplicationHost;

  private constructor(name: string, host: ApplicationHost) {
    this.name = name;
    this.#host = host;
  }

  /** @param args how it follows the failover, and whatever is not as usual */
  static async start(host: ApplicationHost, name: string, index: string, args: readonly string[]): Promise<Writer> {
    const usual = ["--index", index, ...usualLoad];
    const files = ["--run", name, "--ledger", `${home}/${name}.ledger`];
    await host.write(`${name}.ledger`, "");
    await host.start(name, [demoProgram, ...usual, ...files, ...args]);
    return new Writer(name, host);
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    return parseLedger(await this.#host.run(["cat", `${home}/${this.name}.ledger`]));
  }

  /** Waits until the ledger satisfies a condition. */
  async until(what: string, holds: (ledger: readonly LedgerEntry[]) => boolean): Promise<void> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    while (!holds(await this.ledger())) {
      if (Date.now() > deadlineMs) {
        const said = await this.#host.run(["tail", "--lines=5", `${home}/${this.name}.log`]);
        throw new Error(`waited ${PATIENCE_MS / 1000} s in vain until ${this.name} ${what}; it said:\n${said}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** What it has said so far: a line for each document that it gave up, among others. */
  async log(): Promise<string> {
    return this.#host.run(["cat", `${home}/${this.name}.log`]);
  }

  /** Waits until its log holds a line that matches, at `from` or later. @returns the first one, and where it begins */
  async untilSaid(what: RegExp, from = 0): Promise<{ readonly line: string; readonly at: number }> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const log = await this.log();
      const found = new RegExp(`^.*(?:${what.source}).*$`, "m").exec(log.slice(from));
      if (found !== null) return { line: found[0], at: from + found.index };
      if (Date.now() > deadlineMs) {
        const last = log.split("\n").slice(-6).join("\n");
        throw new Error(`waited ${PATIENCE_MS / 1000} s in vain until ${this.name} says ${what}; it said:\n${last}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    await this.#host.stop(this.name);
  }
}
