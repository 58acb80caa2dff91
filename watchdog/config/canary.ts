import { z } from "zod";
import { count, durationMs } from "./values.ts";

/** Each region has an index of its own for canaries: as a follower it would refuse them after a failover. */
export const CANARY_INDEX = ".es-failover-canary";

/** Causes of failing canaries that may make a region unhealthy. Those of one's own configuration are none of them. */
export const canaryCauses = ["timeout", "unavailable", "overloaded", "cluster-block", "flood-stage"] as const;
export type CanaryCause = (typeof canaryCauses)[number];

export const canarySchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Whether each watchdog beside a router sends canaries."),
    intervalMs: durationMs
      .default(10_000)
      .describe("Time between the starts of two canaries: one write and one read of a document by each router's host."),
    timeoutMs: durationMs
      .default(5_000)
      .describe("A canary that takes longer, write and read together, has failed. Below `intervalMs`."),
    failThreshold: count(1)
      .default(3)
      .describe("Failed canaries in a row until `status` and the log report them, with the cause."),
    unhealthyThreshold: count(1)
      .default(30)
      .describe(
        "Failed canaries in a row, all of `unhealthyCauses`, until the region counts as unhealthy for this watchdog: 5 " +
          "minutes by default, as Elasticsearch itself needs one or two to give up a node whose disk hangs. A failover " +
          "needs a majority of the sites, so with a witness both regions' entries must agree; and a standby that is in sync.",
      ),
    unhealthyCauses: z
      .array(z.enum(canaryCauses))
      .default(["timeout", "unavailable"])
      .describe(
        "Causes that may make a region unhealthy; none: canaries are only reported. `timeout` and `unavailable`: writes get " +
          "no answer, or a server error, although the probe is good. Left out by default, as a failover would not cure " +
          "them: `overloaded` (429: the load would move along), `flood-stage` (the same data would fill the other " +
          "region's disks), `cluster-block` (only a person sets `cluster.blocks.*`). A refused user, an untrusted certificate, " +
          "a HAProxy that does not answer, and a fault of the canary's own index never count.",
      ),
  })
  .prefault({})
  .describe(
    "Canaries: writes through the entry, which find a region that answers and refuses every write. Each watchdog beside a " +
      "router writes its document in the index `.es-failover-canary` of the active region and reads it back.",
  );
