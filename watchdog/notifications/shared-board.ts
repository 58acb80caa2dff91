import { type Board, emptyBoard } from "../core/notifications/board.ts";
import type { NotificationBoard } from "../core/ports/notification-board.ts";
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";

/** Each attempt fails only because another change succeeded. */
const ATTEMPTS = 8;

/** written: the change is on the board; unchanged: there was nothing to change; away: the store does not answer. */
export type Updated = "written" | "unchanged" | "away";

/** The board as this watchdog sees it; it remembers since when the store is away. */
export class SharedBoard {
  readonly #port: NotificationBoard;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #last: Board = emptyBoard;
  #awaySinceMs: number | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  /** Why the store does not answer; null while it does. */
  error: string | null = null;

  constructor(port: NotificationBoard, clock: Pick<Clock, "monotonicMs">) {
    this.#port = port;
    this.#clock = clock;
  }

  /** As it was last read. */
  get last(): Board {
    return this.#last;
  }

  /** For how long the store has not answered; 0 while it does. */
  get awayForMs(): number {
    return this.#awaySinceMs === null ? 0 : this.#clock.monotonicMs() - this.#awaySinceMs;
  }

  /** null while the store is away. */
  async read(): Promise<Board | null> {
    return (await this.#readVersion())?.board ?? null;
  }

  /** @param change gives null when there is nothing to change */
  update(change: (board: Board) => Board | null): Promise<Updated> {
    const updated = this.#queue.then(() => this.#update(change));
    this.#queue = updated.catch(() => {});
    return updated;
  }

  async #update(change: (board: Board) => Board | null): Promise<Updated> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const version = await this.#readVersion();
      if (version === null) return "away";
      const next = change(version.board);
      if (next === null) return "unchanged";
      const written = await this.#port.write(next, version.revision).catch((error: unknown) => this.#noteAway(error));
      if (written === null) return "away";
      if (written === "written") {
        this.#last = next;
        return "written";
      }
    }
    return "away";
  }

  async #readVersion(): Promise<Awaited<ReturnType<NotificationBoard["read"]>> | null> {
    try {
      const version = await this.#port.read();
      this.#last = version.board;
      this.#awaySinceMs = null;
      this.error = null;
      return version;
    } catch (error) {
      return this.#noteAway(error);
    }
  }

  #noteAway(error: unknown): null {
    this.#awaySinceMs ??= this.#clock.monotonicMs();
    this.error = messageOf(error);
    return null;
  }
}
