import { z } from "zod";
import { addressSchema } from "./address.ts";

/** The sections of the configuration that applications live on: the endpoint service and the publisher. */

const durationMs = z.number().int().positive();
const regionName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, "a region is named in lower-case letters, digits and hyphens, such as gra");
/** Stands in lines of other programs' files, so it may hold nothing that ends one. */
const absolutePath = z.string().regex(/^\/[^\p{Cc}"]*$/u, "an absolute path without control characters and quotes");
const url = z.url({ protocol: /^https?$/ });
const word = z.string().regex(/^[\x21-\x7e]{1,128}$/, "1 to 128 printable characters without spaces");

/** Where applications reach each region: an entry (HAProxy) of that region, or its Elasticsearch itself. */
const addresses = z.record(regionName, addressSchema);

export const endpointServiceSchema = z.strictObject({
  /** Address and port to listen on: "192.168.1.101:9201". */
  listen: z.string().regex(/^\S+:\d{1,5}$/, "an address and a port, such as 192.168.1.101:9201"),
  /** Certificate with the addresses that clients use, and its key; both null: plain HTTP, on loopback only. */
  certificateFile: absolutePath.nullable().default(null),
  keyFile: absolutePath.nullable().default(null),
  /** What is told while a region serves; one for each region. */
  addresses,
});

/** How to reach etcd, with a user that needs to read the record alone, or to write the published keys alone. */
const etcdAccess = {
  /** Client addresses of the members, the nearest one first. */
  endpoints: z.array(z.url({ protocol: /^https$/ })).min(1),
  caFile: absolutePath,
  /** Its subject has no common name: etcd's gateway refuses one that has. */
  certificateFile: absolutePath,
  keyFile: absolutePath,
  username: z.string().min(1),
  passwordFile: absolutePath,
};
const etcdPrefix = z.string().regex(/^\/.*\/$/, "begins and ends with a slash");

const source = z.discriminatedUnion("kind", [
  /** The endpoint services of the routers. All are asked, as one that is cut off does not know of a switch. */
  z.strictObject({
    kind: z.literal("service"),
    urls: z.array(url).min(1).max(32),
    /** PEM file of the CA that signed the services' certificates; null only where every URL is plain HTTP on loopback. */
    caFile: absolutePath.nullable().default(null),
  }),
  /** The watchdogs' store, read only. */
  z.strictObject({
    kind: z.literal("etcd"),
    ...etcdAccess,
    /** The watchdogs' own. */
    prefix: etcdPrefix.default("/es-failover/"),
    addresses,
    /** How often the record is read. */
    intervalMs: durationMs.default(1_000),
  }),
]);

/** How an application is told that its file has changed. */
const notify = z.discriminatedUnion("kind", [
  /** It watches the file by itself. */
  z.strictObject({ kind: z.literal("none") }),
  /** SIGHUP to the process of a PID file, if that is the right process and handles the signal. */
  z
    .strictObject({
      kind: z.literal("pid-file"),
      pidFile: absolutePath,
      /** The program that has to run under that PID, links resolved: "/usr/sbin/orders". */
      executable: absolutePath.nullable().default(null),
      /** Its name as in /proc/PID/comm, 15 characters at most: for scripts, whose executable is an interpreter. */
      processName: z.string().min(1).max(15).nullable().default(null),
    })
    .refine(({ executable, processName }) => executable !== null || processName !== null, {
      message: "executable or processName is needed: a PID file may point to another process",
    }),
  /** reload: `systemctl reload`; kill: SIGHUP to the unit's main process, if it handles the signal. */
  z.strictObject({
    kind: z.literal("unit"),
    unit: z.string().regex(/^[A-Za-z0-9@._:\\-]+\.service$/, "a service's full name, such as orders.service"),
    action: z.enum(["reload", "kill"]).default("reload"),
    timeoutMs: durationMs.default(30_000),
  }),
  /** Program and arguments, run without a shell; the endpoint is in its environment, as in an env file. */
  z.strictObject({
    kind: z.literal("command"),
    command: z.tuple([absolutePath], z.string()),
    timeoutMs: durationMs.default(30_000),
  }),
]);

const endpointFile = z.strictObject({
  path: absolutePath,
  format: z.enum(["ini", "env", "json"]).default("ini"),
  /** CA that the application is to trust, as it stands on this host; null: nothing is said of it. */
  caPath: absolutePath.nullable().default(null),
  /** Of a file that is made anew, octal. One that is there keeps its mode and owner. */
  mode: z
    .string()
    .regex(/^0[0-7]{3}$/, "four octal digits, such as 0644")
    .default("0644"),
  /** Whether what stood there before is kept beside it, as `<file>.bak`. */
  backup: z.boolean().default(true),
  notify: notify.prefault({ kind: "none" }),
  /** Name under which the use of the epoch is reported once the application has been told; null: it is not. */
  application: word.nullable().default(null),
});

const etcdKeys = z.strictObject({
  ...etcdAccess,
  /** The keys `endpoint` (JSON) and `address` (`host:port`) are written below it. */
  prefix: etcdPrefix.default("/es-failover/published/"),
});

const consul = z.strictObject({
  /** The agent's HTTP API. */
  url: url.default("http://127.0.0.1:8500"),
  /** PEM file of the CA that signed its certificate; null only with plain HTTP on loopback. */
  caFile: absolutePath.nullable().default(null),
  /** File with a token that has key:write on `key`, node:write on `node`, service:write on `service`; null: none. */
  tokenFile: absolutePath.nullable().default(null),
  /** null: the agent's own. */
  datacenter: word.nullable().default(null),
  key: z
    .string()
    .regex(/^[A-Za-z0-9._/-]+$/, "a key, such as es-failover/endpoint")
    .default("es-failover/endpoint"),
  /** Name of the service's entry in the catalog. */
  service: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,63}$/, "letters, digits and hyphens, as Consul's DNS takes them")
    .default("elasticsearch"),
  /** The catalog's node that bears it: one of no agent, so that no agent takes the entry away. */
  node: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,63}$/, "letters, digits and hyphens, as Consul's DNS takes them")
    .default("es-failover"),
  timeoutMs: durationMs.default(5_000),
});

export const publisherSchema = z
  .strictObject({
    source,
    files: z.array(endpointFile).max(100).default([]),
    etcd: etcdKeys.nullable().default(null),
    consul: consul.nullable().default(null),
    /** A switch is passed on once nothing newer has come for `minMs`, or after `maxMs` at the latest. */
    quiescence: z
      .strictObject({ minMs: z.number().int().min(0).default(250), maxMs: durationMs.default(2_000) })
      .prefault({}),
    /** Applications are told after a random time of up to this, so that not all connect anew at once. */
    splayMs: z.number().int().min(0).max(600_000).default(0),
    /** How often files and keys are compared with what they should be. */
    checkIntervalMs: durationMs.default(5_000),
    /** After a failure it is tried again after 1 s, then twice as long each time, up to this. */
    retryMaxMs: durationMs.default(30_000),
    /** Where acknowledgements go; null: to the services of `source`, or nowhere with etcd. */
    acknowledgeTo: z.array(url).max(32).nullable().default(null),
    /** This host in acknowledgements; null: the host's name. */
    instance: word.nullable().default(null),
    stateDirectory: absolutePath.default("/var/lib/es-failover-publisher"),
    controlSocket: absolutePath.default("/run/es-failover-publisher/control.sock"),
    logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
  })
  .refine(({ files, etcd, consul: agent }) => files.length > 0 || etcd !== null || agent !== null, {
    message: "files, etcd or consul is needed: nothing would be published",
  });

export type EndpointServiceSettings = z.output<typeof endpointServiceSchema>;
export type PublisherConfig = z.output<typeof publisherSchema>;
export type PublisherConfigInput = z.input<typeof publisherSchema>;
export type EndpointFileSettings = PublisherConfig["files"][number];
export type NotifySettings = EndpointFileSettings["notify"];
export type EtcdAccess = Pick<NonNullable<PublisherConfig["etcd"]>, keyof typeof etcdAccess>;
export type ConsulSettings = NonNullable<PublisherConfig["consul"]>;

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)$/;

/** Whether an address to listen on, or a URL, stays on this host: only there nothing has to be encrypted. */
export function isLoopback(listenOrUrl: string): boolean {
  const host = URL.canParse(listenOrUrl) && listenOrUrl.includes("://") ? new URL(listenOrUrl).hostname : null;
  return loopback.test(host ?? listenOrUrl.slice(0, listenOrUrl.lastIndexOf(":")));
}
