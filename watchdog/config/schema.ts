import { z } from "zod";
import { endpointServiceSchema, publisherSchema } from "./applications.ts";

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

/** How HAProxy is reached, and how long its tickets are. */
export const routerSettingsSchema = z.strictObject({
  /** HAProxy's runtime API socket, level admin. */
  adminSocket: z.string().startsWith("/").default("/run/haproxy/admin.sock"),
  /** HAProxy's master CLI socket, for reloads. */
  masterSocket: z.string().startsWith("/").default("/run/haproxy/master.sock"),
  configFile: z.string().startsWith("/").default("/etc/haproxy/haproxy.cfg"),
  ticketMapFile: z.string().startsWith("/").default("/var/lib/es-failover/haproxy/ticket.map"),
  /** How long a routing ticket is good for. With `leases.marginMs` it may not exceed `leases.ttlMs`. */
  ticketValidityMs: durationMs.default(6_000),
  /** How often it is renewed. Must be below the validity. */
  ticketRenewalMs: durationMs.default(2_000),
});

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
  switchover: z
    .strictObject({
      /** Longest wait, with writes stopped, for the standby to reach its leader; then the switchover is undone. */
      catchUpTimeoutMs: durationMs.default(15_000),
      /** A switchover that has not cut anything loose by then is undone: writers have waited for this long. */
      maxWritePauseMs: durationMs.default(45_000),
    })
    .prefault({}),
  rejoin: z
    .strictObject({
      /**
       * What becomes of a former primary's indices once all they alone hold has been brought to safety. Those that the
       * active region has too give way to followers of the same name in any case: following a closed index would
       * overwrite it. delete: the others go as well; keep: the others stay, closed.
       */
      policy: z.enum(["delete", "keep"]).default("delete"),
    })
    .prefault({}),
  failback: z
    .strictObject({
      /** Whether the first primary becomes active again by itself, by a switchover, after a failover away from it. */
      automatic: z.boolean().default(false),
      /** How long it must have been in sync without interruption before. */
      quietPeriodMs: durationMs.default(3_600_000),
    })
    .prefault({}),
  store: z.discriminatedUnion("kind", [
    /** For a single watchdog beside a single router. */
    z.strictObject({ kind: z.literal("file"), directory: z.string().startsWith("/") }),
    /** For several watchdogs: one etcd cluster with a member in each region and one on the witness. */
    z.strictObject({
      kind: z.literal("etcd"),
      /** Client addresses of the members, the nearest one first. */
      endpoints: z.array(z.url({ protocol: /^https$/ })).min(1),
      /** PEM file of the CA that signed the members' certificates. */
      caFile: z.string().startsWith("/"),
      /** This watchdog's client certificate. Its subject has no common name: etcd's gateway refuses one that has. */
      certificateFile: z.string().startsWith("/"),
      keyFile: z.string().startsWith("/"),
      username: z.string().min(1),
      passwordFile: z.string().startsWith("/"),
      /** Installations that share an etcd cluster have prefixes of their own. */
      prefix: z
        .string()
        .regex(/^\/.*\/$/, "begins and ends with a slash")
        .default("/es-failover/"),
      /** After so long without an answer from one member the next one is asked as well. */
      hedgeAfterMs: durationMs.default(1_000),
      /** Bound on a call over all members that it is tried at. */
      deadlineMs: durationMs.default(3_000),
      /** As set on the members (`--election-timeout`): leases may not be shorter than half as much again. */
      electionTimeoutMs: durationMs.default(1_000),
    }),
  ]),
  /**
   * Leases in the store: of each router, of the leadership among the watchdogs, of what each one sees. A watchdog's word
   * in failsafe holds for as long as a lease. The same on every watchdog.
   */
  leases: z
    .strictObject({
      ttlMs: durationMs.default(10_000),
      /** Between a ticket's end and its lease's end: clock error and scheduling. */
      marginMs: durationMs.default(2_000),
    })
    .prefault({}),
  /**
   * Where the watchdogs ask each other whether to go on without the store: an https endpoint with certificates on both
   * sides. Needed with etcd, of no use with a file store.
   */
  failsafe: z
    .strictObject({
      /** Address and port to listen on: "192.168.1.20:9443". */
      listen: z.string().regex(/^\S+:\d{1,5}$/, "an address and a port, such as 192.168.1.20:9443"),
      /** Where the other watchdogs reach it. */
      url: z.url({ protocol: /^https$/ }),
      /** Serves and asks: for both sides of a connection (serverAuth and clientAuth), with the address of `url`. */
      certificateFile: z.string().startsWith("/"),
      keyFile: z.string().startsWith("/"),
      /** PEM file of the CA that signed every watchdog's certificate. */
      caFile: z.string().startsWith("/"),
      /** Bound on asking one watchdog. */
      timeoutMs: durationMs.default(1_000),
    })
    .nullable()
    .default(null),
  /**
   * Where applications, publishers and load balancers ask which region serves; null: nowhere. It speaks for the router
   * beside the watchdog, so it needs one.
   */
  endpoint: endpointServiceSchema.nullable().default(null),
  /** For `es-failover publish` on this host; the watchdog itself passes it over. */
  publisher: publisherSchema.nullable().default(null),
  /** The HAProxy beside this watchdog; null on a witness, which votes and decides and routes nothing. */
  router: routerSettingsSchema.nullable(),
  /** Where this host keeps its own copy of the state document, apart from the store. */
  stateDirectory: z.string().startsWith("/").default("/var/lib/es-failover"),
  controlSocket: z.string().startsWith("/").default("/run/es-failover/control.sock"),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

/** What a person or provisioning writes: defaults may be left out. */
export type WatchdogConfigInput = z.input<typeof watchdogConfigSchema>;
/** What the watchdog works with: every default filled in. */
export type WatchdogConfig = z.output<typeof watchdogConfigSchema>;
export type RouterSettings = z.output<typeof routerSettingsSchema>;
