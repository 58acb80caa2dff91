import { z } from "zod";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import type { HealthState } from "./health.ts";
import { recordFrom } from "./record-codec.ts";

export const healthStateSchema = z.enum([
  "unknown",
  "healthy",
  "suspect",
  "unhealthy",
  "recovering",
]) satisfies z.ZodType<HealthState>;

/** The health of one region by one watchdog's own probes. */
const regionReport = z.object({
  /** A newer version may report others. */
  state: healthStateSchema.catch("unknown"),
  failuresInARow: z.number().int().min(0),
  successesInARow: z.number().int().min(0),
  /** For how long its probes have failed in a row; absent where the last one was good. */
  failingForMs: z.number().min(0).exactOptional(),
  /** One sentence for `status` and `explain`. */
  reason: z.string(),
});

/** What one watchdog publishes. Its lease removes it when the watchdog stops renewing. Field names are stored in etcd. */
export const watchdogReportSchema = z.object({
  watchdog: z.string().min(1),
  /** Its site: the watchdogs of one site count once. */
  site: z.string().min(1),
  regions: z.record(z.string(), regionReport),
  /** Wall clock of the watchdog that publishes. */
  atMs: z.number(),
  /** Epoch of the newest record that it knows; null when it knows none. */
  epoch: z.number().int().min(0).nullable(),
  /** UUIDs of followers whose leaders were deleted; null or absent when it cannot tell now. */
  deletedLeaders: z.array(z.string()).nullable().exactOptional(),
  /** What its canaries show that `status` has to tell, as a sentence; null or absent when nothing. */
  canary: z.string().nullable().exactOptional(),
  /** Its own copy of the record, published only while that is newer than the store's. */
  copy: z.unknown().transform((copy) => (copy == null ? null : recordFrom(copy))),
});

export type RegionReport = DeepReadonly<z.output<typeof regionReport>>;
export type WatchdogReport = DeepReadonly<z.output<typeof watchdogReportSchema>>;
