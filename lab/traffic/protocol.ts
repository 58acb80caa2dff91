import { z } from "zod";

/** First line of the traffic process's standard input, as JSON. Not in its arguments, as it has a password. */
export const trafficSettingsSchema = z.strictObject({
  /**
   * The application's entries: https://ADDRESS:9200. Each writer starts with another one and uses them round robin,
   * without those that did not answer lately.
   */
  entries: z.array(z.url({ protocol: /^https$/ })).min(1),
  /** PEM text of the CA of the entries' certificates. */
  ca: z.string(),
  username: z.string(),
  password: z.string(),
  index: z.string(),
  /** Number of concurrent writers, each with one request in flight. */
  writers: z.number().int().min(1),
  /** Pause of a writer after each write. */
  pauseMs: z.number().int().min(1),
  /** A request that takes longer counts as failed. */
  timeoutMs: z.number().int().min(1),
});
export type TrafficSettings = z.infer<typeof trafficSettingsSchema>;

/**
 * Orders to the traffic process, one JSON line each. `stop` ends the load, waits for requests in flight and reports
 * "stopped"; `verify` reads every acknowledged document back and reports "verified", without ending the load; the end of
 * standard input ends the process.
 */
export const trafficOrderSchema = z.discriminatedUnion("order", [
  z.strictObject({ order: z.literal("stop") }),
  z.strictObject({ order: z.literal("verify") }),
]);
export type TrafficOrder = z.infer<typeof trafficOrderSchema>;

/** Reports of the traffic process, one JSON line each. Times are wall-clock milliseconds since 1970. */
export const trafficEventSchema = z.discriminatedUnion("event", [
  z.strictObject({ event: z.literal("started"), atMs: z.number() }),
  z.strictObject({
    event: z.literal("write-acknowledged"),
    id: z.string(),
    atMs: z.number(),
    /** The region that accepted it, by the entry's header; null without one. */
    region: z.string().nullable(),
  }),
  z.strictObject({ event: z.literal("write-failed"), id: z.string(), atMs: z.number(), reason: z.string() }),
  z.strictObject({ event: z.literal("read-answered"), atMs: z.number() }),
  z.strictObject({ event: z.literal("read-failed"), atMs: z.number(), reason: z.string() }),
  z.strictObject({ event: z.literal("stopped"), atMs: z.number() }),
  z.strictObject({ event: z.literal("verified"), found: z.number().int(), missing: z.array(z.string()) }),
]);
export type TrafficEvent = z.infer<typeof trafficEventSchema>;
