import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { Endpoint } from "../../../core/endpoint-state.ts";
import { errnoOf, reasonOf, writeFileAtomically } from "../../../util/files.ts";

const notificationsSchema = z.record(
  z.string(),
  z.object({
    epoch: z.number(),
    region: z.string(),
    host: z.string(),
    port: z.number(),
    /** The file has been changed since, or is about to be. */
    owed: z.boolean(),
  }),
);
type Entries = z.output<typeof notificationsSchema>;

/**
 * What the application of each file was told last, kept on disk: a publisher that ends between writing a file and telling
 * its application tells it when it is back.
 */
export class PendingNotifications {
  readonly #file: string;
  readonly #warn: (sentence: string) => void;
  #entries: Entries;

  private constructor(file: string, entries: Entries, warn: (sentence: string) => void) {
    this.#file = file;
    this.#entries = entries;
    this.#warn = warn;
  }

  /** Without what was kept every application is told once more, which does no harm. */
  static async open(directory: string, warn: (sentence: string) => void): Promise<PendingNotifications> {
    const file = path.join(directory, "told.json");
    try {
      return new PendingNotifications(file, notificationsSchema.parse(JSON.parse(await readFile(file, "utf8"))), warn);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") warn(`${file} cannot be used and is made anew: ${reasonOf(error)}`);
      return new PendingNotifications(file, {}, warn);
    }
  }

  /** What it was told last, even if it is owed something newer; null: nothing that is known of. */
  last(target: string): Endpoint | null {
    return this.#entries[target] ?? null;
  }

  isPending(target: string, { epoch, region, host, port }: Endpoint): boolean {
    const last = this.#entries[target];
    if (last === undefined || last.owed) return true;
    return last.epoch !== epoch || last.region !== region || last.host !== host || last.port !== port;
  }

  /** To be called before a file is changed. */
  async markPending(target: string): Promise<void> {
    const last = this.#entries[target];
    if (last !== undefined && !last.owed) await this.#keep(target, { ...last, owed: true });
  }

  async markNotified(target: string, { epoch, region, host, port }: Endpoint): Promise<void> {
    await this.#keep(target, { epoch, region, host, port, owed: false });
  }

  /** A disk that takes nothing does not keep an application from being told: it is remembered here meanwhile. */
  async #keep(target: string, entry: Entries[string]): Promise<void> {
    this.#entries = { ...this.#entries, [target]: entry };
    try {
      await mkdir(path.dirname(this.#file), { recursive: true });
      await writeFileAtomically(this.#file, `${JSON.stringify(this.#entries)}\n`, { mode: 0o640 });
    } catch (error) {
      this.#warn(`what applications were told is not kept over a restart: ${reasonOf(error)}`);
    }
  }
}
