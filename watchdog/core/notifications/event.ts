import { z } from "zod";
import { eventKinds, severities } from "../../config/notifications.ts";
import type { DeepReadonly } from "../../util/deep-readonly.ts";

/**
 * An event that people are told of. The same event has the same id on every watchdog, as it is made of times that all of them
 * read from the record or from the board. Field names are an interface: receivers have them as JSON.
 */
export const notificationSchema = z.object({
  id: z.string().regex(/^[a-z0-9-]{1,100}$/),
  kind: z.enum([...eventKinds, "test"]),
  severity: z.enum(severities),
  atMs: z.number().int(),
  /** The watchdog that noticed it. */
  watchdog: z.string(),
  /** Of the record; null without one. */
  epoch: z.number().int().nullable(),
  /** The region that serves; null during a change. */
  active: z.string().nullable(),
  /** The regions of the change; null where there is none. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** Operations that only the old region may hold; null for every event but a failover. */
  loss: z.object({ atLeast: z.number(), atMost: z.number().nullable() }).nullable(),
  /** One line. */
  title: z.string(),
  /** What happened and why: a sentence in each line. */
  text: z.string(),
  /** What to do next. */
  next: z.string(),
  /** The section of the runbook. */
  runbook: z.string(),
});

export type Notification = DeepReadonly<z.output<typeof notificationSchema>>;
