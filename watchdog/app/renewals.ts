import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import { type Live, LiveCell } from "../util/live.ts";
import type { Logger } from "../util/logger.ts";
import { runLoop } from "../util/loop.ts";

const INTERVAL_MS = 5_000;

/** What some files of the configuration hold together, such as a certificate and its key. */
export interface Source<T> {
  /** The section that names them, for people. */
  readonly section: string;
  readonly files: readonly string[];
  /** Reads and checks them. @throws Error that names what is wrong */
  readonly read: () => Promise<T>;
}

interface Watched {
  readonly section: string;
  look(): Promise<void>;
  /** Why the files of now are not used; null when they are. */
  problem: string | null;
}

/**
 * Reads certificates, CAs and passwords again when their files change, so that they are rotated without a restart. Files
 * that cannot be used change nothing: what was read before goes on, and the problem is reported.
 */
export class Renewals {
  readonly #log: Logger;
  readonly #intervalMs: number;
  readonly #watched: Watched[] = [];

  constructor(log: Logger, intervalMs = INTERVAL_MS) {
    this.#log = log;
    this.#intervalMs = intervalMs;
  }

  /** Reads the source now, and again whenever a file of it changes. @throws Error when it cannot be read now */
  async add<T>({ section, files, read }: Source<T>): Promise<Live<T>> {
    let used = await fingerprint(files);
    let seen = used;
    const live = new LiveCell<T>(await read());
    const watched: Watched = {
      section,
      problem: null,
      look: async () => {
        const now = await fingerprint(files);
        if (now === used) {
          watched.problem = null;
          return;
        }
        // A certificate and its key are replaced one after the other: only what stays wrong is a problem.
        const isSettled = now === seen;
        seen = now;
        try {
          const renewed = await read();
          used = now;
          live.set(renewed);
          watched.problem = null;
          this.#log.info({ event: "renewed", section }, `${section}: changed files are in use: ${files.join(", ")}`);
        } catch (error) {
          if (isSettled) this.#report(watched, messageOf(error));
        }
      },
    };
    this.#watched.push(watched);
    return live;
  }

  /** One sentence for each source whose files of now are not used. */
  problems(): readonly string[] {
    return this.#watched.flatMap(({ problem }) => problem ?? []);
  }

  /** Looks once at all files. */
  async look(): Promise<void> {
    for (const watched of this.#watched) await watched.look();
  }

  /** Looks for changed files until `signal` aborts. */
  run(clock: Clock, signal: AbortSignal): Promise<void> {
    const round = () => this.look();
    const loop = { name: "renew certificates and passwords", intervalMs: () => this.#intervalMs, round };
    return runLoop(loop, { clock, log: this.#log, signal });
  }

  #report(watched: Watched, message: string): void {
    const problem = `changed files are not used, those of before go on: ${message}`;
    if (problem !== watched.problem) this.#log.warn({ event: "not-renewed", section: watched.section }, problem);
    watched.problem = problem;
  }
}

/** For a command, which ends soon. */
export const readOnce: Pick<Renewals, "add"> = { add: async ({ read }) => new LiveCell(await read()) };

/** Of all their contents; a file that cannot be read has one too. */
async function fingerprint(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(await readFile(file).catch((error: unknown) => messageOf(error))).update("\n");
  return hash.digest("hex");
}
