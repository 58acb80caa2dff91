import { z } from "zod";

/** What the traffic process reads from standard input at its start: one line of JSON. Holds a password, so never argv. */
export const trafficSettingsSchema = z.strictObject({
  /**
   * The entries, as applications see them: https://ADDRESS:9200. Each writer begins with another one, and
   * uses them in turn, but for those that gave no answer lately.
   */
  entries: z.array(z.url({ protocol: /^https$/ })).min(1),
  /** PEM text of the CA that signed the entries' certificates. */
  ca: z.string(),
  username: z.string(),
  password: z.string(),
  index: z.string(),
  /** Writers at work at once, each with one request under way. */
  writers: z.number().int().min(1),
  /** Shortest time from one write of a writer to its next. */
  pauseMs: z.number().int().min(1),
  /** A request that takes longer has failed. */
  timeoutMs: z.number().int().min(1),
});
export type TrafficSettings = z.infer<typeof trafficSettingsSchema>;

/**
 * Orders to the traffic process, one JSON line each. `stop` lets requests under way end, then reports "stopped";
 * `verify` reads every document back that was acknowledged before, and reports "verified", while the load goes on unless it
 * was stopped; the end of standard input ends the process.
 */
export const trafficOrderSchema = z.discriminatedUnion("order", [
  z.strictObject({ order: z.literal("stop") }),
  z.strictObject({ order: z.literal("verify") }),
]);
export type TrafficOrder = z.infer<typeof trafficOrderSchema>;

/** What the traffic process reports, one JSON line each. Times are wall-clock milliseconds since 1970. */
export const trafficEventSchema = z.discriminatedUnion("event", [
  z.strictObject({ event: z.literal("started"), atMs: z.number() }),
  z.strictObject({
    event: z.literal("write-acknowledged"),
    id: z.string(),
    atMs: z.number(),
    /** The region that accepted it, as the entry says in its answer; null where it does not say. */
    region: z.string().nullable(),
  }),
  z.strictObject({ event: z.literal("write-failed"), id: z.string(), atMs: z.number(), reason: z.string() }),
  z.strictObject({ event: z.literal("read-answered"), atMs: z.number() }),
  z.strictObject({ event: z.literal("read-failed"), atMs: z.number(), reason: z.string() }),
  z.strictObject({ event: z.literal("stopped"), atMs: z.number() }),
  z.strictObject({ event: z.literal("verified"), found: z.number().int(), missing: z.array(z.string()) }),
]);
export type TrafficEvent = z.infer<typeof trafficEventSchema>;
