import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { notificationSchema } from "../core/notifications/event.ts";
import { viewSchema } from "../core/notifications/view.ts";
import type { DeepReadonly } from "../util/deep-readonly.ts";
import { PRIVATE_DIRECTORY, PRIVATE_FILE, readIfThere } from "../util/durable.ts";
import { messageOf } from "../util/errors.ts";
import { errnoOf, syncDirectory, writeFileAtomically } from "../util/files.ts";
import type { Logger } from "../util/logger.ts";

const itemSchema = z.object({
  event: notificationSchema,
  /** The readiness that was noticed without the store, and that the board lacks; null: the board has the event. */
  alone: viewSchema.shape.readiness.nullable(),
  /** Targets that may lack the message. */
  targets: z.record(
    z.string(),
    z.object({
      attempts: z.number().int().min(0),
      /** Wall clock. */
      nextAttemptAtMs: z.number(),
      /** Of the last attempt; null before it. */
      error: z.string().nullable(),
      /** The target has it; only the board does not show that yet. */
      isSent: z.boolean(),
    }),
  ),
});
export type SpoolItem = DeepReadonly<z.output<typeof itemSchema>>;
export type SpooledTarget = SpoolItem["targets"][string];

/** Items that are kept: a change leaves two or three. */
const MAX_ITEMS = 100;

/**
 * Messages of this host that are to be sent, as one file each: they outlive the watchdog. A disk that fails is reported, and
 * the messages are kept in memory.
 */
export class Spool {
  readonly #directory: string;
  readonly #log: Pick<Logger, "warn">;
  readonly #items: Map<string, SpoolItem>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(directory: string, log: Pick<Logger, "warn">, items: readonly SpoolItem[]) {
    this.#directory = directory;
    this.#log = log;
    this.#items = new Map(items.map((item) => [item.event.id, item]));
  }

  static async open(directory: string, log: Pick<Logger, "warn">): Promise<Spool> {
    const items: SpoolItem[] = [];
    const names = await readdir(directory).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") log.warn({ event: "notification-spool" }, messageOf(error));
      return [];
    });
    for (const name of names.filter((each) => each.endsWith(".json"))) {
      try {
        items.push(itemSchema.parse(JSON.parse((await readIfThere(path.join(directory, name))) ?? "")));
      } catch {
        log.warn({ event: "notification-spool", file: name }, `${path.join(directory, name)} is no message: ignored`);
      }
    }
    return new Spool(directory, log, items);
  }

  /** Oldest first. */
  items(): readonly SpoolItem[] {
    return [...this.#items.values()].toSorted((a, b) => a.event.atMs - b.event.atMs);
  }

  get(id: string): SpoolItem | null {
    return this.#items.get(id) ?? null;
  }

  /** Adds or replaces the item. Above the bound the oldest one goes. */
  async put(item: SpoolItem): Promise<void> {
    this.#items.set(item.event.id, item);
    const [oldest] = this.items();
    if (this.#items.size > MAX_ITEMS && oldest !== undefined) {
      const { id } = oldest.event;
      this.#log.warn({ event: "notification-dropped", id }, "too many messages wait: the oldest goes");
      this.#items.delete(id);
      await this.#save(id);
    }
    await this.#save(item.event.id);
  }

  /** Changes an item, if it is there still; without targets it goes. */
  async change(id: string, change: (item: SpoolItem) => SpoolItem): Promise<void> {
    const present = this.#items.get(id);
    if (present === undefined) return;
    const next = change(present);
    if (Object.keys(next.targets).length > 0) return this.put(next);
    this.#items.delete(id);
    await this.#save(id);
  }

  /** Brings the disk to what the memory has, one write after the other. */
  #save(id: string): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#write(id, this.#items.get(id) ?? null);
      } catch (error) {
        const reason = messageOf(error);
        this.#log.warn({ event: "notification-spool" }, `a restart would lose messages that wait: ${reason}`);
      }
    });
    return this.#writing;
  }

  async #write(id: string, item: SpoolItem | null): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: PRIVATE_DIRECTORY });
    if (item !== null) return writeFileAtomically(this.#fileOf(id), JSON.stringify(item), { mode: PRIVATE_FILE });
    await rm(this.#fileOf(id), { force: true });
    await syncDirectory(this.#directory);
  }

  #fileOf(id: string): string {
    return path.join(this.#directory, `${id}.json`);
  }
}
