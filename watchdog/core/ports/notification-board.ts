import type { Board } from "../notifications/board.ts";

/** The board of messages, where every watchdog reads and changes it. Calls fail while the store is away. */
export interface NotificationBoard {
  /** Empty when there never was one. */
  read(): Promise<{ readonly board: Board; readonly revision: string | null }>;
  /** Compare-and-swap; `expected` null creates. */
  write(board: Board, expected: string | null): Promise<"written" | "conflict">;
}
