import { z } from "zod";
import { addressSchema } from "./address.ts";
import { endpointFile, printable, templateFile } from "./published-files.ts";
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
    templates: z
      .array(templateFile)
      .max(100, "write at most 100 templates")
      .default([])
      .describe("Files to make from templates, for any other format."),
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
  .refine(
    ({ files, templates, etcd, consul: agent }) =>
      files.length > 0 || templates.length > 0 || etcd !== null || agent !== null,
    { message: "add files, templates, etcd or consul: nothing would be published" },
  );

export type EndpointServiceSettings = z.output<typeof endpointServiceSchema>;
export type PublisherConfig = z.output<typeof publisherSchema>;
export type PublisherConfigInput = z.input<typeof publisherSchema>;
export type EtcdAccess = Pick<NonNullable<PublisherConfig["etcd"]>, keyof typeof etcdAccess>;
export type ConsulSettings = NonNullable<PublisherConfig["consul"]>;

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)$/;

/** Whether an address to listen on, or a URL, stays on this host, where nothing has to be encrypted. */
export function isLoopback(listenOrUrl: string): boolean {
  const host = URL.canParse(listenOrUrl) && listenOrUrl.includes("://") ? new URL(listenOrUrl).hostname : null;
  return loopback.test(host ?? listenOrUrl.slice(0, listenOrUrl.lastIndexOf(":")));
}
