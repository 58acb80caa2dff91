import { z } from "zod";
import type { DeepReadonly } from "../util/deep-readonly.ts";

/** What this watchdog sent since it started, and what waits. */
export const notificationsReportSchema = z.object({
  targets: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["webhook", "slack", "smtp", "command"]),
      delivered: z.number(),
      /** Attempts that failed. */
      failed: z.number(),
      /** Messages that were too old to be tried again. */
      givenUp: z.number(),
      pending: z.number(),
      /** When the oldest message that waits was noticed; null: none waits. */
      oldestPendingAtMs: z.number().nullable(),
      lastDeliveredAtMs: z.number().nullable(),
      /** Of the last attempt; null when it succeeded, and before the first one. */
      error: z.string().nullable(),
    }),
  ),
});
export type NotificationsReport = DeepReadonly<z.output<typeof notificationsReportSchema>>;

/** How a test message ended at each target; `error` null: it was delivered. */
export const testOutcomesSchema = z.array(
  z.object({ target: z.string(), kind: z.string(), tookMs: z.number(), error: z.string().nullable() }),
);
export type TestOutcome = DeepReadonly<z.output<typeof testOutcomesSchema>>[number];
