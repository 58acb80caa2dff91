import { setTimeout as sleep } from "node:timers/promises";
import { type ApplicationHost, demoProgram, home } from "./application-host.ts";
import { type LedgerEntry, parseEntries } from "./ledger.ts";

/** A healthy run needs far less. */
const PATIENCE_MS = 300_000;
const POLL_MS = 500;

/** Small enough for a machine that runs six nodes, enough for replication to lag at any moment. */
const usualLoad = ["--threads", "2", "--interval", "50"];

/** A running escluster-demo. Ids of its documents begin with its name. */
export class Writer {
  readonly name: string;
  readonly #host: ApplicationHost;

  private constructor(name: string, host: ApplicationHost) {
    this.name = name;
    this.#host = host;
  }

  /** @param args options for the client mode, and those that override the usual load */
  static async start(host: ApplicationHost, name: string, index: string, args: readonly string[]): Promise<Writer> {
    const usual = ["--index", index, ...usualLoad];
    const files = ["--run", name, "--ledger", `${home}/${name}.ledger`];
    await host.write(`${name}.ledger`, "");
    await host.start(name, [demoProgram, ...usual, ...files, ...args]);
    return new Writer(name, host);
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    return parseEntries(await this.#host.run(["cat", `${home}/${this.name}.ledger`]));
  }

  /** What it has logged so far, such as a line per document that it gave up. */
  async log(): Promise<string> {
    return this.#host.run(["cat", `${home}/${this.name}.log`]);
  }

  /** Waits until the ledger satisfies a condition. */
  async until(what: string, holds: (entries: readonly LedgerEntry[]) => boolean): Promise<void> {
    await this.#poll(what, async () => (holds(await this.ledger()) ? true : undefined));
  }

  /** Waits for a line of the log that matches, at offset `from` or later. @returns the first one and its offset */
  async untilLogged(pattern: RegExp, from = 0): Promise<{ readonly line: string; readonly at: number }> {
    const wholeLine = new RegExp(`^.*(?:${pattern.source}).*$`, "m");
    return this.#poll(`logs ${pattern}`, async () => {
      const found = wholeLine.exec((await this.log()).slice(from));
      return found === null ? undefined : { line: found[0], at: from + found.index };
    });
  }

  /** Ends it cleanly. */
  async stop(): Promise<void> {
    await this.#host.stop(this.name);
  }

  /** Polls until there is a result. @throws Error with the end of the log when there is none in time */
  async #poll<Result>(what: string, attempt: () => Promise<Result | undefined>): Promise<Result> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const result = await attempt();
      if (result !== undefined) return result;
      if (Date.now() > deadlineMs) {
        const lastLines = (await this.log()).trimEnd().split("\n").slice(-5).join("\n");
        throw new Error(`not within ${PATIENCE_MS / 1000} s: ${this.name} ${what}; its log ends:\n${lastLines}`);
      }
      await sleep(POLL_MS);
    }
  }
}
