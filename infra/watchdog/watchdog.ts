import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type Authority, HostCertificate } from "../certificates.ts";
import type { StackConfig } from "../config/schema.ts";
import { contentHash, type HostFile, runScript, type StagedHost } from "../provision/remote.ts";
import type { Host, Topology } from "../topology.ts";
import { type WatchdogConfigOptions, watchdogJson, watchdogPaths } from "./watchdog-config.ts";

export const watchdogScripts = ["watchdog/user.sh", "watchdog/install.sh", "watchdog/configure.sh"];

/** The watchdog as it travels: an archive that holds its program, its Node and its unit. */
export interface WatchdogBundle {
  readonly archivePath: string;
  /** Changes with the content. */
  readonly version: string;
}

export interface WatchdogHost extends StagedHost {
  readonly host: Host;
  readonly publicIp: pulumi.Input<string>;
}

/** The user and group that the watchdog runs as. */
export function makeWatchdogUser(
  host: WatchdogHost,
  { parent, after }: { readonly parent: pulumi.Resource; readonly after: readonly pulumi.Resource[] },
): pulumi.Resource {
  return runScript(host, { name: `${host.name}-watchdog-user`, script: "watchdog/user.sh" }, { parent, after });
}

/** Uploads a release and makes it the current one. The running watchdog goes on with the one before until `Watchdog`. */
export function installWatchdog(
  host: WatchdogHost,
  bundle: WatchdogBundle,
  { parent, after }: { readonly parent: pulumi.Resource; readonly after: readonly pulumi.Resource[] },
): pulumi.Resource {
  const archive = `/var/tmp/es-failover-${bundle.version}.tar.gz`;
  const upload = new remote.CopyToRemote(
    `${host.name}-watchdog-upload`,
    {
      connection: host.connection,
      source: new pulumi.asset.FileAsset(bundle.archivePath),
      remotePath: archive,
      // A host that was made anew lacks what its predecessor was sent.
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

export interface WatchdogArgs {
  readonly topology: Topology;
  readonly host: WatchdogHost;
  readonly config: WatchdogConfigOptions["config"] & Pick<StackConfig, "entryNames">;
  readonly version: string;
  readonly authority: Authority;
  /** Passwords of its users of Elasticsearch and etcd. */
  readonly passwords: pulumi.Output<{ readonly elasticsearch: string; readonly etcd: string }>;
  /** Steps that it needs: its release, and HAProxy with its sockets where there is one. */
  readonly after: readonly pulumi.Resource[];
}

/** The watchdog of a host: configured, enabled, running. */
export class Watchdog extends pulumi.ComponentResource {
  constructor(name: string, args: WatchdogArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:watchdog:Watchdog", name, {}, opts);
    const { host, config, topology, authority } = args;
    // Applications reach the endpoint service, where there is one, as they reach the entry.
    const answersClients = config.endpointAddresses !== null && host.host.role === "haproxy";
    const certificate = new HostCertificate(
      `${host.name}-watchdog`,
      {
        authority,
        subject: "organization",
        dnsNames: [host.name, ...(answersClients ? config.entryNames : [])],
        ipAddresses: [host.host.privateIp, ...(answersClients ? [host.publicIp] : [])],
      },
      { parent: this },
    );
    const json = watchdogJson({ topology, config, host: host.host });
    const stdin = pulumi
      .all([args.passwords, certificate.certificatePem, certificate.privateKeyPem])
      .apply(([passwords, certificatePem, privateKey]) => {
        const files = watchdogFiles({
          ...{ json, ca: authority.certificatePem, certificate: certificatePem, privateKey, passwords },
          withEtcd: topology.etcdMembers.length > 0,
          answersClients,
        });
        const desired = contentHash(args.version, ...files.map(({ content }) => content));
        return JSON.stringify({ desired, files });
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
}

function watchdogFiles(content: {
  readonly json: string;
  readonly ca: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly passwords: { readonly elasticsearch: string; readonly etcd: string };
  readonly withEtcd: boolean;
  readonly answersClients: boolean;
}): HostFile[] {
  const file = (path: string, text: string): HostFile => ({ path, content: text, mode: "0640", group: "es-failover" });
  const files = [
    file(watchdogPaths.config, content.json),
    file(watchdogPaths.ca, content.ca),
    file(watchdogPaths.password, `${content.passwords.elasticsearch}\n`),
  ];
  if (content.withEtcd || content.answersClients) {
    files.push(file(watchdogPaths.certificate, content.certificate), file(watchdogPaths.key, content.privateKey));
  }
  if (content.withEtcd) files.push(file(watchdogPaths.etcdPassword, `${content.passwords.etcd}\n`));
  return files;
}
