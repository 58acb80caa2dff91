import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { type Board, boardSchema, emptyBoard } from "../../core/notifications/board.ts";
import type { NotificationBoard } from "../../core/ports/notification-board.ts";
import { PRIVATE_FILE, readIfThere } from "../../util/durable.ts";
import { writeFileAtomically } from "../../util/files.ts";

/** A damaged one is begun again: that may repeat a message, and loses none of what is in the spool. */
function boardOf(text: string): Board {
  try {
    return boardSchema.parse(JSON.parse(text));
  } catch {
    return emptyBoard;
  }
}

const revisionOf = (text: string) => createHash("sha256").update(text).digest("hex");

/** The board of a watchdog alone: a file beside the record, which only this process writes. */
export function fileNotificationBoard(directory: string): NotificationBoard {
  const file = path.join(directory, "notifications.json");
  return {
    read: async () => {
      const text = await readIfThere(file);
      if (text === null) return { board: emptyBoard, revision: null };
      return { board: boardOf(text), revision: revisionOf(text) };
    },
    write: async (board, expected) => {
      const present = await readIfThere(file);
      if ((present === null ? null : revisionOf(present)) !== expected) return "conflict";
      await mkdir(directory, { recursive: true, mode: 0o750 });
      await writeFileAtomically(file, JSON.stringify(board), { mode: PRIVATE_FILE });
      return "written";
    },
  };
}
