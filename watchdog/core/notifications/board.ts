import { z } from "zod";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import { timeMs } from "../state/record-fields.ts";
import { type Notification, notificationSchema } from "./event.ts";
import { type View, viewSchema } from "./view.ts";

/**
 * The messages that the watchdogs send together, kept beside the record: what was noticed, and for each event the targets
 * that have not received it. Field names are persisted.
 */
export const boardSchema = z.object({
  view: viewSchema.nullable(),
  /** Oldest first. */
  entries: z.array(
    z.object({
      event: notificationSchema,
      /** Targets without it, and the watchdog that is sending it now; null: none is. */
      open: z.record(z.string(), z.object({ by: z.string(), untilMs: timeMs }).nullable()),
    }),
  ),
});

export type Board = DeepReadonly<z.output<typeof boardSchema>>;
export type BoardEntry = Board["entries"][number];

export const emptyBoard: Board = { view: null, entries: [] };

/** Entries that are kept; an event has some hundred bytes. */
export const MAX_ENTRIES = 30;

/** With what was noticed; each event for the targets that want it. An event that is there already stays as it is. */
export function withEvents(
  board: Board,
  view: View,
  events: readonly Notification[],
  targetsOf: (event: Notification) => readonly string[],
): Board {
  const fresh = events.filter(({ id }) => entryOf(board, id) === null);
  const entries = fresh.map((event) => ({
    event,
    open: Object.fromEntries(targetsOf(event).map((target) => [target, null])),
  }));
  return { view, entries: [...board.entries, ...entries].slice(-MAX_ENTRIES) };
}

export function entryOf(board: Board, id: string): BoardEntry | null {
  return board.entries.find(({ event }) => event.id === id) ?? null;
}

export const isOpen = (board: Board, id: string, target: string): boolean =>
  Object.hasOwn(entryOf(board, id)?.open ?? {}, target);

/**
 * The board with the claim of one watchdog to send an event to a target; null when another one has it, or the target has
 * received the event.
 */
export function claimed(
  board: Board,
  { id, target, by, nowMs, forMs }: Claim & { readonly nowMs: number; readonly forMs: number },
): Board | null {
  if (!isOpen(board, id, target)) return null;
  const claim = entryOf(board, id)?.open[target] ?? null;
  if (claim !== null && claim.by !== by && claim.untilMs > nowMs) return null;
  return withOpen(board, id, (open) => ({ ...open, [target]: { by, untilMs: nowMs + forMs } }));
}

export interface Claim {
  readonly id: string;
  readonly target: string;
  readonly by: string;
}

/** Without the claim, so that any watchdog may try; null when there is none of this watchdog. */
export function released(board: Board, { id, target, by }: Claim): Board | null {
  if (entryOf(board, id)?.open[target]?.by !== by) return null;
  return withOpen(board, id, (open) => ({ ...open, [target]: null }));
}

/** The target has received the event; null when the board has that already. */
export function received(board: Board, id: string, target: string): Board | null {
  if (!isOpen(board, id, target)) return null;
  return withOpen(board, id, ({ [target]: _received, ...others }) => others);
}

function withOpen(board: Board, id: string, change: (open: BoardEntry["open"]) => BoardEntry["open"]): Board {
  const entries = board.entries.map((entry) =>
    entry.event.id === id ? { ...entry, open: change(entry.open) } : entry,
  );
  return { ...board, entries };
}
