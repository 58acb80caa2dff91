import { boardSchema, emptyBoard } from "../../core/notifications/board.ts";
import type { NotificationBoard } from "../../core/ports/notification-board.ts";
import type { EtcdClient } from "./client.ts";
import { parseValue } from "./json.ts";
import { etcdKeys } from "./keys.ts";

type ReadBoard = Awaited<ReturnType<NotificationBoard["read"]>>;

/** The board as one key beside the record, within the prefix that the watchdogs' user may write. */
export function etcdNotificationBoard(client: EtcdClient, prefix: string): NotificationBoard {
  const key = etcdKeys(prefix).notifications;
  let known: ReadBoard = { board: emptyBoard, revision: null };
  return {
    read: async () => {
      // A board that has not changed is neither sent nor parsed again.
      const { succeeded, read } = await client.transact(`read of ${key}`, {
        compare: [{ key, modRevision: known.revision ?? "0" }],
        success: [],
        failure: [{ get: key }],
      });
      if (succeeded) return known;
      const found = read[0]?.[0];
      known =
        found === undefined
          ? { board: emptyBoard, revision: null }
          : { board: parseValue(found, boardSchema), revision: found.modRevision };
      return known;
    },
    write: async (board, expected) => {
      const { succeeded } = await client.transact(`write of ${key}`, {
        compare: [{ key, modRevision: expected ?? "0" }],
        success: [{ put: key, value: JSON.stringify(board) }],
        failure: [],
      });
      return succeeded ? "written" : "conflict";
    },
  };
}
