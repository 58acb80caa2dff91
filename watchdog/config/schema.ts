import { z } from "zod";

/**
 * The watchdog's configuration file (JSON). Parsed once at start; unknown keys are refused. Provisioning renders it,
 * `es-failover check-config` checks it.
 */

const regionName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, "a region is named in lower-case letters, digits and hyphens, such as gra");
const durationMs = z.number().int().positive();

/** How often and how patiently the watchdog looks. `fast` trades patience for speed and suits drills and labs. */
export const checkProfiles = {
  standard: { intervalMs: 10_000, timeoutMs: 5_000, failThreshold: 3, recoveryThreshold: 5 },
  fast: { intervalMs: 1_000, timeoutMs: 800, failThreshold: 3, recoveryThreshold: 5 },
} as const;

const checks = z
  .strictObject({
    profile: z.enum(["standard", "fast"]).default("standard"),
    /** CHECK_INTERVAL: time from the start of one probe to the start of the next. */
    intervalMs: durationMs.optional(),
    /** A probe that takes longer has failed. Must be below the interval. */
    timeoutMs: durationMs.optional(),
    /** FAIL_THRESHOLD: failed probes in a row until a region counts as unhealthy. */
    failThreshold: z.number().int().min(1).optional(),
    /** RECOVERY_THRESHOLD: good probes in a row until it counts as healthy again. */
    recoveryThreshold: z.number().int().min(1).optional(),
  })
  .prefault({})
  .transform(({ profile, ...own }) => ({
    profile,
    ...checkProfiles[profile],
    ...(Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) as Partial<
      Record<keyof (typeof checkProfiles)["standard"], number>
    >),
  }));

export const watchdogConfigSchema = z.strictObject({
  /** Name of this watchdog, unique among all; the host's name. */
  name: z.string().min(1),
  /** The site it stands in and votes for: a region's name, or "witness". */
  site: regionName,
  /** The two regions. */
  regions: z
    .record(
      regionName,
      z.strictObject({
        /** Elasticsearch nodes of the region, as https URLs with the address in the certificate. */
        nodes: z.array(z.url({ protocol: /^https$/ })).min(1),
      }),
    )
    .refine((regions) => Object.keys(regions).length === 2, "exactly two regions are needed"),
  /** Region that becomes active when no record exists anywhere. */
  firstPrimary: regionName,
  elasticsearch: z.strictObject({
    username: z.string().min(1),
    /** File that holds the password alone; readable by the watchdog's group only. */
    passwordFile: z.string().startsWith("/"),
    /** PEM file of the CA that signed the nodes' certificates. */
    caFile: z.string().startsWith("/"),
    /** Bound on every request but a probe. Unfollow may have to wait for the other region: see promotion. */
    requestTimeoutMs: durationMs.default(10_000),
  }),
  replication: z.strictObject({
    /** Indices that are replicated and promoted ("managed"): index patterns with `*`. */
    patterns: z.array(z.string().min(1)).min(1),
    exclusions: z.array(z.string().min(1)).default([]),
    /** Kinds of cluster-wide definitions kept in step from the active region to the standby. */
    definitions: z
      .array(z.enum(["index-template", "component-template", "ilm-policy", "ingest-pipeline"]))
      .default(["index-template", "component-template"]),
    /** How often the standby's followers, auto-follow patterns and definitions are checked and mended. */
    intervalMs: durationMs.default(5_000),
    /** A standby further behind than this is not in sync: operations over all shards. */
    maxLagOperations: z.number().int().min(0).default(10_000),
    /** A follower that has not heard from its leader for longer is not in sync. */
    maxReadAgeMs: durationMs.default(120_000),
  }),
  checks,
  promotion: z
    .strictObject({
      /** Longest wait for replication that still advances, before the followers are paused. */
      drainTimeoutMs: durationMs.default(10_000),
      /** Bound on one unfollow: it asks the lost leader to drop its retention leases. */
      unfollowTimeoutMs: durationMs.default(15_000),
      /** Indices in one close or open request. */
      batchSize: z.number().int().min(1).max(500).default(50),
      /** Requests under way at once. */
      parallelism: z.number().int().min(1).max(32).default(8),
      /** After an automatic failover no other one for this long (an operator's command overrides it). */
      blockPeriodMs: durationMs.default(3_600_000),
    })
    .prefault({}),
  store: z.discriminatedUnion("kind", [
    /** For a single watchdog beside a single router. */
    z.strictObject({ kind: z.literal("file"), directory: z.string().startsWith("/") }),
  ]),
  router: z.strictObject({
    /** HAProxy's runtime API socket, level admin. */
    adminSocket: z.string().startsWith("/").default("/run/haproxy/admin.sock"),
    /** HAProxy's master CLI socket, for reloads. */
    masterSocket: z.string().startsWith("/").default("/run/haproxy/master.sock"),
    configFile: z.string().startsWith("/").default("/etc/haproxy/haproxy.cfg"),
    ticketMapFile: z.string().startsWith("/").default("/var/lib/es-failover/haproxy/ticket.map"),
    /** How long a routing ticket is good for. */
    ticketValidityMs: durationMs.default(6_000),
    /** How often it is renewed. Must be below the validity. */
    ticketRenewalMs: durationMs.default(2_000),
    /** Lease of a router in the store. Ticket validity + margin may not exceed it. */
    leaseTtlMs: durationMs.default(10_000),
    /** Safety margin between a ticket's end and its lease's end: clock error and scheduling. */
    leaseMarginMs: durationMs.default(2_000),
  }),
  /** Where this host keeps its own copy of the state document, apart from the store. */
  stateDirectory: z.string().startsWith("/").default("/var/lib/es-failover"),
  controlSocket: z.string().startsWith("/").default("/run/es-failover/control.sock"),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

/** What a person or provisioning writes: defaults may be left out. */
export type WatchdogConfigInput = z.input<typeof watchdogConfigSchema>;
/** What the watchdog works with: every default filled in. */
export type WatchdogConfig = z.output<typeof watchdogConfigSchema>;
