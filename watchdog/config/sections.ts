import { z } from "zod";
import { profileNames, profiles, type Timings } from "./profiles.ts";
import { absolutePath, count, durationMs, nameOf } from "./values.ts";

/**
 * Sections that a user sets. Provisioning accepts the same schemas as `pulumi config` keys of the same names, so that a
 * wrong value is refused at preview with the message that the watchdog itself would give.
 */

/** A setting whose default follows `checks.profile`. It stays absent here; schema.ts fills it in. */
function byProfile<Section extends keyof Timings>(
  section: Section,
  key: keyof Timings[Section] & string,
  meaning: string,
  value: z.ZodInt = durationMs,
) {
  const defaultOf = (timings: Timings) => timings[section][key];
  const defaults = Object.fromEntries(profileNames.map((name) => [name, defaultOf(profiles[name])]));
  return value.exactOptional().meta({ description: meaning, defaults });
}

export const firstPrimarySchema = nameOf("the region that is active at first, such as gra").describe(
  "Region that becomes active when no watchdog and no store has a record. After that the watchdogs alone decide.",
);

export const remoteClusterSecuritySchema = z
  .enum(["certificate", "api_key"], 'write "certificate" or "api_key"')
  .default("certificate")
  .describe(
    "How the regions' clusters trust each other. `certificate`: by their nodes' certificates, on the port of their transport. " +
      "`api_key`: by cross-cluster API keys that open the replicated indices alone, on a port of its own; it needs an Enterprise " +
      "licence, and `npm run remote-keys`. The same in all stacks. See docs/security.md.",
  );
export type RemoteClusterSecurity = z.output<typeof remoteClusterSecuritySchema>;

/** Elastic's subscriptions: replication is in Platinum already, cross-cluster API keys are in none below Enterprise. */
const licencesWithRemoteKeys: readonly string[] = ["enterprise", "trial"];

/** Whether a licence of this type permits cross-cluster API keys. */
export const permitsRemoteKeys = (licenceType: string): boolean => licencesWithRemoteKeys.includes(licenceType);

const deletedLeadersSchema = z
  .strictObject({
    policy: z
      .enum(["keep", "delete"])
      .default("keep")
      .describe(
        "`keep` leaves them, as a deletion may be a mistake: `status` names them, and after a failover so does the loss " +
          "statement, since the new region then has them again. `delete` deletes them after `deleteAfterMs`, for data that " +
          "must not live on.",
      ),
    deleteAfterMs: durationMs
      .default(86_400_000)
      .describe(
        "Time between the two snapshots of the active region in which a majority of the sites has to see that the leader " +
          "is gone. A snapshot counts only while that region is healthy, and the same cluster as before.",
      ),
  })
  .prefault({})
  .describe("What becomes of followers whose leaders were deleted: CCR does not replicate a deletion.");

export const replicationSchema = z
  .strictObject(
    {
      patterns: z
        .array(z.string().min(1, "write an index pattern"))
        .min(1, "name at least one pattern")
        .describe("Indices that are replicated and promoted (managed indices): index patterns with `*`."),
      exclusions: z
        .array(z.string().min(1, "write an index pattern"))
        .default([])
        .describe("Index patterns that are left out of `patterns`."),
      required: z
        .array(z.string().min(1, "write an index pattern"))
        .min(1, "name at least one pattern")
        .default(["*"])
        .describe(
          "Index patterns, or names of data streams, of the managed indices that an automatic failover must not leave behind: " +
            "one of them that is not protected takes the standby out of sync. Any other may be left behind; `status` and the " +
            "loss statement name it. By default all are required, as no index is dispensable that was not named so; so are they " +
            "while the patterns match none.",
        ),
      definitions: z
        .array(z.enum(["index-template", "component-template", "ilm-policy", "ingest-pipeline"]))
        .default(["index-template", "component-template"])
        .describe("Kinds of cluster-wide definitions that are copied from the active region to the standby."),
      intervalMs: durationMs
        .default(5_000)
        .describe(
          "Time between two reconciliations of the standby's followers, auto-follow patterns and definitions with the " +
            "active region.",
        ),
      maxLagOperations: count(0)
        .default(10_000)
        .describe(
          "A standby further behind than this, counted over all shards of required indices, is not in sync. Any other index " +
            "that lags more by itself is not protected.",
        )
        .meta({ unit: "operations" }),
      copiesAtOnce: count(1, 100)
        .default(4)
        .describe(
          "First copies of indices that may run at once before the watchdog begins another one. Each loads both regions and " +
            "the line between them. Indices that auto-follow takes are counted, and not held back.",
        )
        .meta({ unit: "copies" }),
      deletedLeaders: deletedLeadersSchema,
      maxReadAgeMs: durationMs
        .default(120_000)
        .describe("A follower whose last successful read from its leader is older than this is not in sync."),
    },
    'write the indices to replicate, such as {"patterns": ["app-*"]}',
  )
  .describe("Which indices are replicated and promoted, and when the standby counts as in sync.");

const redIndicesSchema = z
  .strictObject({
    share: z
      .number("write a number from 0 to 1")
      .min(0, "write a number from 0 to 1")
      .max(1, "write a number from 0 to 1")
      .meta({ value: "a number from 0 to 1" })
      .default(0.25)
      .describe(
        "Share of a region's managed indices without a primary from which on it counts as unhealthy; 0: from a single one " +
          "on. Fewer are reported, and no reason to fail over at the cost of the lag of all others.",
      ),
    required: z
      .array(z.string().min(1, "write an index pattern"))
      .default([])
      .describe(
        "Index patterns, or names of data streams, of which a single one without a primary makes a region unhealthy.",
      ),
  })
  .prefault({})
  .describe("Which managed indices without a primary make a region unhealthy.");

export const checksSchema = z
  .strictObject({
    profile: z
      .enum(profileNames)
      .default("standard")
      .describe(
        "Default timings of `checks`, `router`, `leases`, `store`, `failsafe` and of the members of etcd. `fast` detects " +
          "a loss sooner and tolerates shorter disturbances only; it suits drills and labs.",
      ),
    intervalMs: byProfile("checks", "intervalMs", "CHECK_INTERVAL: time between the starts of two probes."),
    timeoutMs: byProfile("checks", "timeoutMs", "A probe that takes longer has failed. Below `intervalMs`."),
    failThreshold: byProfile(
      "checks",
      "failThreshold",
      "FAIL_THRESHOLD: failed probes in a row until a region counts as unhealthy.",
      count(1),
    ),
    recoveryThreshold: byProfile(
      "checks",
      "recoveryThreshold",
      "RECOVERY_THRESHOLD: successful probes in a row until a region counts as healthy again.",
      count(1),
    ),
    redIndices: redIndicesSchema,
  })
  .prefault({})
  .describe("How often the watchdogs probe the regions, and how many failures they tolerate.");

export const promotionSchema = z
  .strictObject({
    drainTimeoutMs: durationMs
      .default(10_000)
      .describe("Longest wait for replication that still advances, before the followers are paused."),
    unfollowTimeoutMs: durationMs
      .default(15_000)
      .describe("Bound on one unfollow, which asks the lost leader to remove its retention leases."),
    batchSize: count(1, 500).default(50).describe("Indices in one close or open request.").meta({ unit: "indices" }),
    parallelism: count(1, 32).default(8).describe("Requests in flight at once.").meta({ unit: "requests" }),
    maxStuckMs: durationMs
      .default(60_000)
      .describe(
        "Bound on a change that keeps routers closed and does not get on, counted from when they began to close. Then it " +
          "leaves out the indices on which a step keeps failing although others succeed; where nothing succeeds, it goes " +
          "back to the old region, once that is healthy. By default more than 1,000 indices are promoted within it, and a " +
          "step that fails has been tried five times.",
      ),
    blockPeriodMs: durationMs
      .default(3_600_000)
      .describe(
        "After an automatic failover, no other automatic one for this long. An operator's command overrides it.",
      ),
  })
  .prefault({})
  .describe("How the standby region is promoted.");

export const switchoverSchema = z
  .strictObject({
    catchUpTimeoutMs: durationMs
      .default(15_000)
      .describe(
        "Longest wait, with writes stopped, for the standby to reach its leader; then the switchover is undone.",
      ),
    maxWritePauseMs: durationMs
      .default(45_000)
      .describe("A switchover that has detached no follower after this pause of writes is undone."),
  })
  .prefault({})
  .describe("Bounds on the pause of writes that a switchover costs.");

export const rejoinSchema = z
  .strictObject({
    policy: z
      .enum(["delete", "keep", "wait"])
      .default("delete")
      .describe(
        "What happens to a former primary's indices after salvage. Those that the active region has too are always " +
          "replaced by followers of the same name, as following a closed index overwrites it. `delete` removes the others " +
          "as well; `keep` leaves the others, closed. `wait` salvages, and then deletes nothing until an operator decides " +
          "with `es-failover rejoin`: until the copy is complete, the active region has the only full one. After a " +
          "switchover, whose cost was confirmed, it acts like `delete`.",
      ),
  })
  .prefault({})
  .describe("How a former primary becomes the standby.");

export const salvageSchema = z
  .strictObject({
    reserveBytes: count(0)
      .default(1024 ** 3)
      .describe(
        "Room on the disk of `stateDirectory` that an export leaves free, because the router beside the watchdog needs a " +
          "disk that takes writes. An export that would go below it is refused, or ends, and nothing is deleted.",
      )
      .meta({ unit: "bytes" }),
    copyTo: absolutePath
      .nullable()
      .default(null)
      .describe(
        "Directory in which each export is kept a second time: a disk of another site, mounted on this host below " +
          "`/var/lib/es-failover`, as the service may write nowhere else. Nothing is deleted before its copy there has been " +
          "read back. Takes the place of `secondSite`.",
      ),
    secondSite: z
      .enum(["required", "off"])
      .default("required")
      .describe(
        "Whether each export is also sent to the host of a watchdog at another site, over the connection of `failsafe`, and " +
          "nothing is deleted before that host has it on its disk and has read it back. `off`: an export exists on the " +
          "controller's host alone, as it does with a file store.",
      ),
  })
  .prefault({})
  .describe("Export of what only a former primary has, on the host of the controller.");

export const failbackSchema = z
  .strictObject({
    automatic: z
      .boolean()
      .default(false)
      .describe(
        "Whether the first primary becomes active again by itself, by a switchover, after a failover away from it.",
      ),
    quietPeriodMs: durationMs
      .default(3_600_000)
      .describe("How long the first primary must have been in sync without interruption before an automatic failback."),
  })
  .prefault({})
  .describe("Return to the first primary.");

/** Timings of the routing tickets. */
export const ticketTimings = {
  ticketValidityMs: byProfile(
    "router",
    "ticketValidityMs",
    "How long a routing ticket is valid. With `leases.marginMs` it may not exceed `leases.ttlMs`.",
  ),
  ticketRenewalMs: byProfile(
    "router",
    "ticketRenewalMs",
    "How often a routing ticket is renewed, and the pause before the store is tried again. Below `ticketValidityMs`.",
  ),
};

export const leasesSchema = z
  .strictObject({
    ttlMs: byProfile("leases", "ttlMs", "Length of a lease, and of a failsafe grant. The same on every watchdog."),
    marginMs: byProfile(
      "leases",
      "marginMs",
      "Between the end of a ticket and the end of its lease: allows for clock error and scheduling.",
    ),
  })
  .prefault({})
  .describe("Leases in the store: of each router, of the controller among the watchdogs, of each watchdog's report.");

/** Timings of calls to etcd. */
export const etcdTimings = {
  hedgeAfterMs: byProfile(
    "store",
    "hedgeAfterMs",
    "A member that has not answered for this long: the next one is asked too.",
  ),
  deadlineMs: byProfile("store", "deadlineMs", "Bound on a call, over all members that it is tried at."),
  electionTimeoutMs: byProfile(
    "store",
    "electionTimeoutMs",
    "The members' `--election-timeout`: a lease must last at least 1.5 times as long.",
    // etcd refuses more (maxElectionMs in its server/embed/config.go).
    durationMs.max(50_000, "write at most 50000: etcd refuses a longer election timeout"),
  ),
};

/** Bound on the data of each member of etcd. */
export const etcdQuota = {
  quotaBytes: count(1024 * 1024)
    .default(512 * 1024 * 1024)
    .describe(
      "The members' `--quota-backend-bytes`: at this size etcd takes no write. The record, the leases and a bounded " +
        "history need a small part of it; `status` and `preflight` warn above 60 %.",
    )
    .meta({ unit: "bytes" }),
};

/** Timings of the failsafe. */
export const failsafeTimings = {
  timeoutMs: byProfile("failsafe", "timeoutMs", "Bound on asking one watchdog."),
  forgetAfterMs: durationMs
    // A host that is rebuilt, or a site without power for a night, is back within a day.
    .default(24 * 60 * 60 * 1_000)
    .describe(
      "A watchdog that has reported nothing for this long while the store answered is forgotten: failsafe no longer " +
        "requires its answer. It registers again when it returns.",
    ),
};

/** Timings of the members of etcd that only provisioning uses. */
export const etcdMemberTimings = {
  heartbeatMs: byProfile(
    "etcd",
    "heartbeatMs",
    "The members' `--heartbeat-interval`: about one to two round trips between the sites, and at most a fifth of " +
      "`store.electionTimeoutMs`.",
  ),
};

export const requestTimeoutMs = durationMs
  .default(10_000)
  .describe("Bound on each request to Elasticsearch except a probe and an unfollow (`promotion.unfollowTimeoutMs`).");
