import { z } from "zod";
import { durationMs } from "./values.ts";

/** The policy of snapshot lifecycle management in each region, whose snapshots begin with its name. */
export const SNAPSHOT_POLICY = "es-failover";

/** The region's own repository, the only one that its cluster writes to. That of the other region ends in the region's name. */
export const SNAPSHOT_REPOSITORY = "es-failover";

/** Half a day beyond a daily schedule. */
export const snapshotMaxAgeMs = durationMs
  .default(129_600_000)
  .describe(
    "A last successful snapshot older than this is a problem of the region, in `status`, `preflight` and the alerts.",
  );

export const snapshotsSchema = z
  .strictObject({ maxAgeMs: snapshotMaxAgeMs })
  .nullable()
  .default(null)
  .describe(
    "Snapshots of both regions, which the watchdog looks after; `null`: there are none. See docs/snapshots.md.",
  );
