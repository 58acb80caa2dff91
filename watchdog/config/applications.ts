import { z } from "zod";
import { addressSchema } from "./address.ts";
import {
  absolutePath,
  delayMs,
  durationMs,
  etcdAccess,
  etcdPrefix,
  httpUrl,
  listenAddress,
  logLevel,
  regionName,
  text,
} from "./values.ts";

/** The sections for applications: the endpoint service and the publisher. */

const printable = text(/^[\x21-\x7e]{1,128}$/, "1 to 128 printable characters without spaces");

const addresses = z
  .record(regionName, addressSchema)
  .describe("Where applications reach each region: an entry (HAProxy) of that region, or its Elasticsearch.");

export const endpointServiceSchema = z.strictObject({
  listen: listenAddress.describe("Address and port to listen on."),
  certificateFile: absolutePath
    .nullable()
    .default(null)
    .describe(
      "PEM file of a certificate for the addresses that clients use; `null`, with `keyFile`: HTTP, on loopback only.",
    ),
  keyFile: absolutePath.nullable().default(null).describe("PEM file of the certificate's private key."),
  addresses,
});

const source = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("service").describe("`service`: the endpoint services of the routers."),
      urls: z
        .array(httpUrl)
        .min(1, "name at least one service")
        .max(32, "name at most 32 services")
        .describe("All are asked: one that is cut off does not know of a failover."),
      caFile: absolutePath
        .nullable()
        .default(null)
        .describe(
          "PEM file of the CA that signed the services' certificates; `null` only with plain HTTP on loopback.",
        ),
    }),
    z.strictObject({
      kind: z.literal("etcd").describe("`etcd`: the watchdogs' store, read only."),
      ...etcdAccess,
      prefix: etcdPrefix.default("/es-failover/").describe("The watchdogs' own `store.prefix`."),
      addresses,
      intervalMs: durationMs.default(1_000).describe("How often the record is read."),
    }),
  ])
  .describe("Where the publisher learns which region serves.");

const notify = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none").describe("`none`: the application watches the file.") }),
    z
      .strictObject({
        kind: z.literal("pid-file").describe("`pid-file`: SIGHUP to a process that matches and handles the signal."),
        pidFile: absolutePath.describe("File that holds the PID."),
        executable: absolutePath
          .nullable()
          .default(null)
          .describe("The program that must run under that PID, links resolved: `/usr/sbin/orders`."),
        processName: z
          .string("write a process name")
          .min(1, "write a process name")
          .max(15, "write at most 15 characters: the kernel keeps no more")
          .nullable()
          .default(null)
          .describe("Its name in `/proc/PID/comm`: for scripts, whose executable is an interpreter."),
      })
      .refine(({ executable, processName }) => executable !== null || processName !== null, {
        message: "add executable or processName: a PID file may point to another process",
      }),
    z.strictObject({
      kind: z.literal("unit").describe("`unit`: through systemd."),
      unit: text(/^[A-Za-z0-9@._:\\-]+\.service$/, "a service's full name, such as orders.service").describe(
        "The application's unit.",
      ),
      action: z
        .enum(["reload", "kill"])
        .default("reload")
        .describe(
          "`reload`: `systemctl reload`; `kill`: SIGHUP to the unit's main process, if that handles the signal.",
        ),
      timeoutMs: durationMs.default(30_000).describe("Bound on the action."),
    }),
    z.strictObject({
      kind: z.literal("command").describe("`command`: a program."),
      command: z
        .tuple([absolutePath], z.string())
        .describe("Program and arguments, run without a shell. The endpoint is in its environment, as in an env file."),
      timeoutMs: durationMs.default(30_000).describe("Bound on the program; then it is killed."),
    }),
  ])
  .prefault({ kind: "none" })
  .describe("How the application is notified that its file has changed.");

const endpointFile = z.strictObject({
  path: absolutePath.describe("The file."),
  format: z.enum(["ini", "env", "json"]).default("ini").describe("Format of the file."),
  caPath: absolutePath
    .nullable()
    .default(null)
    .describe("CA file for the application, by its path on this host, written into the file; `null`: none is written."),
  mode: text(/^0[0-7]{3}$/, "four octal digits, such as 0644")
    .default("0644")
    .describe("Permissions of a new file. An existing file keeps its mode and owner."),
  backup: z.boolean().default(true).describe("Whether the previous content is kept as `<file>.bak`."),
  notify,
  application: printable
    .nullable()
    .default(null)
    .describe(
      "Name under which the publisher acknowledges the epoch after the notification; `null`: no acknowledgement.",
    ),
});

const etcdKeys = z
  .strictObject({
    ...etcdAccess,
    prefix: etcdPrefix
      .default("/es-failover/published/")
      .describe("Prefix of the keys `endpoint` (JSON) and `address` (`host:port`)."),
  })
  .nullable()
  .default(null)
  .describe("Keys in etcd; `null`: none.");

const consulName = text(/^[A-Za-z0-9-]{1,63}$/, "letters, digits and hyphens, as Consul's DNS accepts them");

const consul = z
  .strictObject({
    url: httpUrl.default("http://127.0.0.1:8500").describe("The agent's HTTP API."),
    caFile: absolutePath
      .nullable()
      .default(null)
      .describe("PEM file of the CA that signed the agent's certificate; `null` only with plain HTTP on loopback."),
    tokenFile: absolutePath
      .nullable()
      .default(null)
      .describe(
        "File with a token that has key:write on `key`, node:write on `node`, service:write on `service`; `null`: no token.",
      ),
    datacenter: printable.nullable().default(null).describe("Data centre; `null`: the agent's own."),
    key: text(/^[A-Za-z0-9._/-]+$/, "a key, such as es-failover/endpoint")
      .default("es-failover/endpoint")
      .describe("Key of the endpoint (JSON)."),
    service: consulName.default("elasticsearch").describe("Name of the service in the catalog."),
    node: consulName
      .default("es-failover")
      .describe("The catalog's node that carries the service. It has no agent, so that no agent removes the service."),
    timeoutMs: durationMs.default(5_000).describe("Bound on a request."),
  })
  .nullable()
  .default(null)
  .describe("A key and a service in Consul; `null`: none.");

const quiescence = z
  .strictObject({
    minMs: delayMs.default(250).describe("A change is published once nothing newer has come for this long."),
    maxMs: durationMs.default(2_000).describe("A change is published after this long at the latest."),
  })
  .prefault({})
  .describe("How long a change settles before it is published.");

export const publisherSchema = z
  .strictObject({
    source,
    files: z.array(endpointFile).max(100, "write at most 100 files").default([]).describe("Files to publish to."),
    etcd: etcdKeys,
    consul,
    quiescence,
    splayMs: delayMs
      .max(600_000, "write at most 600000")
      .default(0)
      .describe(
        "Applications are notified after a random time of up to this, so that they do not all reconnect at once.",
      ),
    checkIntervalMs: durationMs.default(5_000).describe("How often files and keys are compared with the endpoint."),
    retryMaxMs: durationMs
      .default(30_000)
      .describe("After a failure the publisher tries again after 1 s, then doubles the pause up to this."),
    acknowledgeTo: z
      .array(httpUrl)
      .max(32, "name at most 32 services")
      .nullable()
      .default(null)
      .describe("Endpoint services that receive acknowledgements; `null`: those of `source`, or none with etcd."),
    instance: printable
      .nullable()
      .default(null)
      .describe("Name of this host in acknowledgements; `null`: the host's name."),
    stateDirectory: absolutePath
      .default("/var/lib/es-failover-publisher")
      .describe("Where the publisher keeps which notifications are pending."),
    controlSocket: absolutePath
      .default("/run/es-failover-publisher/control.sock")
      .describe("Socket on which the publisher serves `es-failover publish status`."),
    logLevel,
  })
  .refine(({ files, etcd, consul: agent }) => files.length > 0 || etcd !== null || agent !== null, {
    message: "add files, etcd or consul: nothing would be published",
  });

export type EndpointServiceSettings = z.output<typeof endpointServiceSchema>;
export type PublisherConfig = z.output<typeof publisherSchema>;
export type PublisherConfigInput = z.input<typeof publisherSchema>;
export type EndpointFileSettings = PublisherConfig["files"][number];
export type NotifySettings = EndpointFileSettings["notify"];
export type EtcdAccess = Pick<NonNullable<PublisherConfig["etcd"]>, keyof typeof etcdAccess>;
export type ConsulSettings = NonNullable<PublisherConfig["consul"]>;

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)$/;

/** Whether an address to listen on, or a URL, stays on this host, where nothing has to be encrypted. */
export function isLoopback(listenOrUrl: string): boolean {
  const host = URL.canParse(listenOrUrl) && listenOrUrl.includes("://") ? new URL(listenOrUrl).hostname : null;
  return loopback.test(host ?? listenOrUrl.slice(0, listenOrUrl.lastIndexOf(":")));
}
