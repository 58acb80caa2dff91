import { z } from "zod";
import { endpointServiceSchema, publisherSchema } from "./applications.ts";
import { canarySchema } from "./canary.ts";
import { hooksSchema } from "./hooks.ts";
import { metricsSchema } from "./metrics.ts";
import { notificationsSchema } from "./notifications.ts";
import { pageSchema } from "./page.ts";
import { profiles } from "./profiles.ts";
import {
  checksSchema,
  etcdQuota,
  etcdTimings,
  failbackSchema,
  failsafeTimings,
  firstPrimarySchema,
  leasesSchema,
  promotionSchema,
  rejoinSchema,
  remoteClusterSecuritySchema,
  replicationSchema,
  requestTimeoutMs,
  salvageSchema,
  switchoverSchema,
  ticketTimings,
} from "./sections.ts";
import { snapshotsSchema } from "./snapshots.ts";
import { surveysSchema } from "./surveys.ts";
import {
  absolutePath,
  etcdAccess,
  etcdPrefix,
  httpsUrl,
  httpUrl,
  listenAddress,
  logLevel,
  nameOf,
  OTHER_PASSWORD,
  regionName,
  text,
  tlsFiles,
  username,
} from "./values.ts";

/**
 * The watchdog's configuration file (JSON). Parsed once at start; unknown keys are refused. Provisioning renders it,
 * `es-failover check-config` checks it, docs/configuration.md is generated from it.
 */

/** A region's cluster, and how it is reached. */
export const regionSchema = z.strictObject({
  nodes: z
    .array(httpUrl)
    .min(1, "name at least one node")
    .describe("Elasticsearch nodes of the region, by an address in the node's certificate."),
  username: username.exactOptional().describe("User of this region, in place of `elasticsearch.username`."),
  passwordFile: absolutePath
    .exactOptional()
    .describe(`Its password's file, in place of \`elasticsearch.passwordFile\`. ${OTHER_PASSWORD}`),
  apiKeyFile: absolutePath
    .exactOptional()
    .describe(
      "File that holds an API key of this region's cluster, as Elasticsearch returns it under `encoded`, in place of user " +
        "and password. During a rotation a second line holds the other one.",
    ),
  caFile: absolutePath
    .exactOptional()
    .describe("PEM file of the CA of this region's nodes, in place of `elasticsearch.caFile`."),
  plainHttp: z
    .boolean()
    .default(false)
    .describe(
      "Whether `nodes` may be http URLs, so that passwords and documents cross the network readable by all on it.",
    ),
  remoteAlias: text(/^[A-Za-z0-9_-]{1,64}$/, "letters, digits, hyphens and underscores")
    .exactOptional()
    .describe(
      "Name under which the other region's cluster knows this one: `cluster.remote.<name>` there. Default: the region's name.",
    ),
});

const regionsSchema = z
  .record(regionName, regionSchema)
  .refine((regions) => Object.keys(regions).length === 2, "write exactly two regions")
  .describe("The two regions.");

const elasticsearchSchema = z
  .strictObject({
    username: username
      .exactOptional()
      .describe("The watchdog's user of both clusters; left out where each region has credentials of its own."),
    passwordFile: absolutePath
      .exactOptional()
      .describe(`File that holds that user's password and nothing else; closed to other users. ${OTHER_PASSWORD}`),
    caFile: absolutePath
      .exactOptional()
      .describe(
        "PEM file of the CA that signed the nodes' certificates; left out where each region has one of its own.",
      ),
    requestTimeoutMs,
  })
  .prefault({})
  .describe("How the watchdog reaches Elasticsearch. A region's own user, password, API key and CA take precedence.");

const storeSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("file").describe("`file`: for a single watchdog beside a single router."),
      directory: absolutePath.describe("Directory of the record and its history."),
    }),
    z.strictObject({
      kind: z
        .literal("etcd")
        .describe("`etcd`: for several watchdogs, with a member in each region and one on the witness."),
      ...etcdAccess,
      prefix: etcdPrefix
        .default("/es-failover/")
        .describe("Prefix of all keys. Installations that share an etcd cluster have different ones."),
      ...etcdTimings,
      ...etcdQuota,
    }),
  ])
  .describe("Where the record and the leases are kept.");

const failsafeSchema = z
  .strictObject({
    listen: listenAddress.describe("Address and port to listen on."),
    url: httpsUrl.describe("Where the other watchdogs reach it."),
    ...tlsFiles,
    certificateFile: absolutePath.describe(
      "PEM file of the certificate that it shows as a server and as a client (serverAuth and clientAuth), with the address " +
        "of `url`.",
    ),
    caFile: absolutePath.describe("PEM file of the CA that signed every watchdog's certificate."),
    ...failsafeTimings,
  })
  .nullable()
  .default(null)
  .describe(
    "Where the watchdogs ask each other for failsafe grants while the store is unavailable. Required with etcd, refused " +
      "with a file store.",
  );

const routerSchema = z.strictObject({
  adminSocket: absolutePath.default("/run/haproxy/admin.sock").describe("HAProxy's runtime API socket, level admin."),
  masterSocket: absolutePath.default("/run/haproxy/master.sock").describe("HAProxy's master CLI socket, for reloads."),
  configFile: absolutePath.default("/etc/haproxy/haproxy.cfg").describe("HAProxy's configuration."),
  ticketMapFile: absolutePath
    .default("/var/lib/es-failover/haproxy/ticket.map")
    .describe("Map file of the routing tickets."),
  ...ticketTimings,
});

const entrySchema = z
  .strictObject({
    url: httpsUrl.describe("URL of the entry, by an address in its certificate."),
    username: username.describe("User that may write and read the index `.es-failover-canary`, and needs no more."),
    passwordFile: absolutePath.describe(`File that holds that user's password and nothing else. ${OTHER_PASSWORD}`),
    caFile: absolutePath.describe("PEM file of the CA that signed the entry's certificate."),
  })
  .nullable()
  .default(null)
  .describe("The entry of the HAProxy beside this watchdog, through which canaries go; `null`: none are sent.");

/** The file as it is written: what has a default may be left out. */
export const watchdogFileSchema = z.strictObject({
  name: z
    .string("write a name")
    .min(1, "write a name")
    .describe("Name of this watchdog, unique among all: the host's name."),
  site: nameOf("the site of this watchdog, such as gra").describe(
    "The site that it votes for: its region, or `witness`.",
  ),
  regions: regionsSchema,
  firstPrimary: firstPrimarySchema,
  elasticsearch: elasticsearchSchema,
  replication: replicationSchema,
  remoteClusterSecurity: remoteClusterSecuritySchema,
  checks: checksSchema,
  canary: canarySchema,
  promotion: promotionSchema,
  switchover: switchoverSchema,
  rejoin: rejoinSchema,
  salvage: salvageSchema,
  failback: failbackSchema,
  hooks: hooksSchema,
  store: storeSchema,
  leases: leasesSchema,
  failsafe: failsafeSchema,
  endpoint: endpointServiceSchema
    .nullable()
    .default(null)
    .describe(
      "Where applications, publishers and load balancers ask which region serves; `null`: nowhere. It answers for the " +
        "router beside the watchdog, so it requires one.",
    ),
  metrics: metricsSchema
    .nullable()
    .default(null)
    .describe("Where Prometheus reads this watchdog's metrics, at `/metrics`; `null`: nowhere. See docs/metrics.md."),
  page: pageSchema
    .nullable()
    .default(null)
    .describe("Where people read this watchdog's status page; `null`: nowhere. See docs/status-page.md."),
  snapshots: snapshotsSchema,
  surveys: surveysSchema,
  notifications: notificationsSchema,
  publisher: publisherSchema
    .nullable()
    .default(null)
    .describe("Settings of `es-failover publish` on this host. The watchdog checks them and does not use them."),
  router: routerSchema
    .nullable()
    .describe("The HAProxy beside this watchdog; `null` on the witness, which votes and may be the controller."),
  entry: entrySchema,
  stateDirectory: absolutePath
    .default("/var/lib/es-failover")
    .describe("Where this host keeps its own copy of the record, apart from the store, and what salvage exports."),
  controlSocket: absolutePath
    .default("/run/es-failover/control.sock")
    .describe("Socket on which the watchdog serves the `es-failover` command."),
  logLevel,
});

/** The file as the watchdog uses it: every default filled in. */
export const watchdogConfigSchema = watchdogFileSchema.transform(
  ({ checks: { profile, ...checks }, leases, store, failsafe, router, ...file }) => {
    const timings = profiles[profile];
    return {
      ...file,
      checks: { profile, ...timings.checks, ...checks },
      leases: { ...timings.leases, ...leases },
      store: store.kind === "etcd" ? { ...timings.store, ...store } : store,
      failsafe: failsafe === null ? null : { ...timings.failsafe, ...failsafe },
      router: router === null ? null : { ...timings.router, ...router },
    };
  },
);

/** What a person or provisioning writes: defaults may be left out. */
export type WatchdogConfigInput = z.input<typeof watchdogConfigSchema>;
/** What the watchdog works with: every default filled in. */
export type WatchdogConfig = z.output<typeof watchdogConfigSchema>;
export type RouterSettings = NonNullable<WatchdogConfig["router"]>;

/** A router's settings where no configuration names any. */
export const defaultRouterSettings: RouterSettings = { ...profiles.standard.router, ...routerSchema.parse({}) };
