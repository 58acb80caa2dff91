import { z } from "zod";

/** A line of the history: what changed, when, by which rule. */
export const historyEntrySchema = z.object({
  atMs: z.number(),
  epoch: z.number().int(),
  rule: z.string(),
  explanation: z.string(),
  watchdog: z.string(),
});

export type HistoryEntry = Readonly<z.output<typeof historyEntrySchema>>;
