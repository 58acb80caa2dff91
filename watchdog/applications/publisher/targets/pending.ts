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
    /** The file was changed after the notification, or is about to be. */
    owed: z.boolean(),
    /** The application uses that endpoint, and was not only notified. */
    confirmed: z.boolean().default(false),
    /** The epoch written last, for files that have none inside; 0: not kept. */
    writtenEpoch: z.number().default(0),
  }),
);
type Entries = z.output<typeof notificationsSchema>;
type Entry = Entries[string];

/** Epoch 0: the application was never notified. */
const never: Entry = { epoch: 0, region: "", host: "", port: 0, owed: true, confirmed: false, writtenEpoch: 0 };

/** The last notification of an application. */
export interface Notified extends Endpoint {
  readonly confirmed: boolean;
}

/**
 * The last notification of each file's application, on disk: a publisher that ends between writing a file and notifying its
 * application does so after its restart.
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

  /** Without the file every application is notified once more, which is harmless. */
  static async open(directory: string, warn: (sentence: string) => void): Promise<PendingNotifications> {
    const file = path.join(directory, "told.json");
    try {
      return new PendingNotifications(file, notificationsSchema.parse(JSON.parse(await readFile(file, "utf8"))), warn);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") warn(`${file} cannot be used and is created again: ${reasonOf(error)}`);
      return new PendingNotifications(file, {}, warn);
    }
  }

  /** The last notification, even if a newer one is pending; null: none known. */
  last(target: string): Notified | null {
    const last = this.#entry(target);
    return last.epoch === 0 ? null : last;
  }

  isPending(target: string, { epoch, region, host, port }: Endpoint): boolean {
    const last = this.#entry(target);
    if (last.owed) return true;
    return last.epoch !== epoch || last.region !== region || last.host !== host || last.port !== port;
  }

  /** Call before a file is changed. */
  async markPending(target: string): Promise<void> {
    const last = this.#entry(target);
    if (!last.owed) await this.#store(target, { ...last, owed: true });
  }

  async markNotified(target: string, { epoch, region, host, port, confirmed }: Notified): Promise<void> {
    const { writtenEpoch } = this.#entry(target);
    await this.#store(target, { epoch, region, host, port, owed: false, confirmed, writtenEpoch });
  }

  /** The epoch of a file that has none inside; null: unknown. */
  writtenEpoch(target: string): number | null {
    const { writtenEpoch } = this.#entry(target);
    return writtenEpoch === 0 ? null : writtenEpoch;
  }

  /** Call before such a file is changed. */
  async markWritten(target: string, writtenEpoch: number): Promise<void> {
    const last = this.#entry(target);
    if (last.writtenEpoch !== writtenEpoch) await this.#store(target, { ...last, writtenEpoch });
  }

  #entry(target: string): Entry {
    return this.#entries[target] ?? never;
  }

  /** Kept in memory if the disk fails, which must not prevent a notification. */
  async #store(target: string, entry: Entry): Promise<void> {
    this.#entries = { ...this.#entries, [target]: entry };
    try {
      await mkdir(path.dirname(this.#file), { recursive: true });
      await writeFileAtomically(this.#file, `${JSON.stringify(this.#entries)}\n`, { mode: 0o640 });
    } catch (error) {
      this.#warn(`notifications are not recorded, so a restart repeats them: ${reasonOf(error)}`);
    }
  }
}
