import type { HistoryEntry } from "../../core/state/history.ts";
import { table, time } from "../../util/text.ts";

/** Newest last, as it scrolls by on a terminal. */
export function formatHistory(entries: readonly HistoryEntry[]): string {
  if (entries.length === 0) return "The history is empty.";
  const rows = entries.map(({ atMs, epoch, rule, watchdog, explanation }) => [
    time(atMs),
    String(epoch),
    watchdog,
    rule,
    explanation,
  ]);
  return table([["TIME (UTC)", "EPOCH", "WATCHDOG", "RULE", "WHAT"], ...rows]);
}
