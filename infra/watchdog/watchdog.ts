import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type Authority, HostCertificate } from "../certificates.ts";
import type { Both } from "../config/rotation.ts";
import type { StackConfig } from "../config/schema.ts";
import { contentHash, type HostFile, runScript, type StagedHost, type StepOptions } from "../provision/remote.ts";
import { type Host, type Topology, virtualAddressOf } from "../topology/model.ts";
import { type WatchdogConfigOptions, watchdogJson, watchdogPaths } from "./watchdog-config.ts";

export const watchdogScripts = ["watchdog/user.sh", "watchdog/install.sh", "watchdog/configure.sh"];

/** The watchdog as it is uploaded: an archive with its program, its Node and its units. */
export interface WatchdogBundle {
  readonly archivePath: string;
  /** Changes with the content. */
  readonly version: string;
}

export interface WatchdogHost extends StagedHost {
  readonly host: Host;
  /** Absent where it has none. */
  readonly publicIp?: pulumi.Input<string>;
}

/** Creates the user and the group of the watchdog. */
export function createWatchdogUser(host: WatchdogHost, step: StepOptions): pulumi.Resource {
  return runScript(host, { name: `${host.name}-watchdog-user`, script: "watchdog/user.sh" }, step);
}

/** Uploads a release and makes it the current one. A running watchdog keeps its release until `Watchdog` restarts it. */
export function installWatchdog(
  host: WatchdogHost,
  bundle: WatchdogBundle,
  { parent, after = [] }: StepOptions,
): pulumi.Resource {
  const archive = `/var/tmp/es-failover-${bundle.version}.tar.gz`;
  const upload = new remote.CopyToRemote(
    `${host.name}-watchdog-upload`,
    {
      connection: host.connection,
      source: new pulumi.asset.FileAsset(bundle.archivePath),
      remotePath: archive,
      // A replaced host lacks what its predecessor received.
      triggers: [host.instanceId],
    },
    { parent, dependsOn: [host.staged] },
  );
  const sha256 = createHash("sha256").update(readFileSync(bundle.archivePath)).digest("hex");
  return runScript(
    host,
    { name: `${host.name}-watchdog-install`, script: "watchdog/install.sh", args: [bundle.version, archive, sha256] },
    { parent, after: [upload, ...after] },
  );
}

export interface WatchdogPasswords {
  readonly elasticsearch: Both;
  readonly etcd: Both;
  readonly canary: Both;
  /** null: the status page needs none. */
  readonly page: string | null;
  /** Secrets of the targets of notifications, by the names of their files. */
  readonly notifications: Readonly<Record<string, string>>;
}

export interface WatchdogArgs {
  readonly topology: Topology;
  readonly host: WatchdogHost;
  readonly config: WatchdogConfigOptions["config"] & Pick<StackConfig, "entryNames">;
  readonly version: string;
  readonly authority: Authority;
  /** Passwords of its users of Elasticsearch and etcd, and of the canaries' user; secrets of notifications. */
  readonly passwords: pulumi.Output<WatchdogPasswords>;
  /** Steps that must precede it: its release, and HAProxy with its sockets where there is one. */
  readonly after: readonly pulumi.Resource[];
}

/** The watchdog of a host: configured, enabled, running. */
export class Watchdog extends pulumi.ComponentResource {
  constructor(name: string, args: WatchdogArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:watchdog:Watchdog", name, {}, opts);
    const { host, topology, version } = args;
    const certificate = this.certificate(args);
    // Rendered here, so that a preview, which knows no certificate yet, checks it too.
    const json = watchdogJson({ topology, config: args.config, host: host.host });
    const stdin = pulumi
      .all([args.passwords, certificate.certificatePem, certificate.privateKeyPem])
      .apply(([passwords, certificatePem, privateKey]) => {
        const files = watchdogFiles({
          json,
          ca: args.authority.trustedPem,
          certificate: certificatePem,
          privateKey,
          passwords,
          isRouter: host.host.role === "haproxy",
          withEtcd: topology.etcdMembers.length > 0,
          hasService: answersClients(args) || isReadFromOutside(args),
          pageClientCa: args.config.page?.authentication === "certificate" ? (args.config.page.clientCa ?? null) : null,
        });
        return JSON.stringify({ desired: contentHash(version, json), files });
      });
    runScript(
      host,
      {
        name: `${host.name}-watchdog-configuration`,
        script: "watchdog/configure.sh",
        stdin: pulumi.secret(stdin),
      },
      { parent: this, after: args.after },
    );
    this.registerOutputs({});
  }

  /** For etcd and the other watchdogs; with a service for others, also for the addresses at which they reach it. */
  private certificate(args: WatchdogArgs): HostCertificate {
    const { host, config, authority } = args;
    const isEntry = answersClients(args);
    return new HostCertificate(
      `${host.name}-watchdog`,
      {
        authority,
        subject: "organization",
        dnsNames: [host.name, ...(isEntry ? config.entryNames : [])],
        ipAddresses: [
          host.host.privateIp,
          ...(host.publicIp !== undefined && (isEntry || isReadFromOutside(args)) ? [host.publicIp] : []),
          ...(isEntry ? virtualAddressOf(args.topology, host.host) : []),
        ],
      },
      { parent: this },
    );
  }
}

/** Whether the host has an endpoint service, which applications reach as they reach the entry. */
function answersClients({ config, host }: WatchdogArgs): boolean {
  return config.endpointAddresses !== null && host.host.role === "haproxy";
}

/** Whether Prometheus reads its metrics, or people its status page, by the host's address. */
function isReadFromOutside({ config: { scraperCidrs, page } }: WatchdogArgs): boolean {
  return scraperCidrs.length > 0 || (page !== null && page.authentication !== "proxy");
}

const lines = (passwords: Both): string => passwords.map((password) => `${password}\n`).join("");

function watchdogFiles(content: {
  readonly json: string;
  readonly ca: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly passwords: WatchdogPasswords;
  readonly isRouter: boolean;
  readonly withEtcd: boolean;
  /** Whether it serves an endpoint, metrics or the status page to other hosts. */
  readonly hasService: boolean;
  readonly pageClientCa: string | null;
}): HostFile[] {
  const file = (path: string, text: string): HostFile => ({ path, content: text, mode: "0640", group: "es-failover" });
  const files = [
    file(watchdogPaths.config, content.json),
    file(watchdogPaths.ca, content.ca),
    file(watchdogPaths.password, lines(content.passwords.elasticsearch)),
  ];
  if (content.withEtcd || content.hasService) {
    files.push(file(watchdogPaths.certificate, content.certificate), file(watchdogPaths.key, content.privateKey));
  }
  if (content.isRouter) files.push(file(watchdogPaths.canaryPassword, lines(content.passwords.canary)));
  if (content.pageClientCa !== null) files.push(file(watchdogPaths.pageClientCa, `${content.pageClientCa.trim()}\n`));
  if (content.passwords.page !== null) files.push(file(watchdogPaths.pagePassword, `${content.passwords.page}\n`));
  if (content.withEtcd) files.push(file(watchdogPaths.etcdPassword, lines(content.passwords.etcd)));
  const secrets = Object.entries(content.passwords.notifications);
  return [...files, ...secrets.map(([name, secret]) => file(`${watchdogPaths.notifications}/${name}`, `${secret}\n`))];
}
