import { z } from "zod";
import { region, timeMs } from "./record-fields.ts";

/**
 * What every version of the state document has, with the same meaning: enough for a router to close, to acknowledge, and
 * to go on where a region serves. A watchdog that cannot read the rest of a document obeys this part and changes nothing.
 * A later version may add fields and phases, and may not change these.
 */
export const recordCoreSchema = z.object({
  schemaVersion: z.number().int().min(1),
  epoch: z.number().int().min(1),
  sequence: z.number().int().min(1),
  /** Any but `serving` closes routers. */
  phase: z.string(),
  active: region.optional(),
  from: region.optional(),
  to: region.optional(),
  cause: z.string().catch(""),
  startedAtMs: timeMs.catch(0),
  filledAtMs: timeMs.nullable().default(null),
  watchdogs: z.array(
    z.object({
      name: z.string(),
      site: z.string(),
      router: z.string().nullable().catch(null),
      failsafeUrl: z.string().nullable().catch(null),
    }),
  ),
});

export type RecordCore = z.output<typeof recordCoreSchema>;
