import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../config.ts";
import { contentHash, type HostFile, runScript, type StagedHost } from "../provision/remote.ts";
import type { Host, Topology } from "../topology.ts";
import { watchdogJson, watchdogPaths } from "./watchdog-config.ts";

export const watchdogScripts = ["watchdog/install.sh", "watchdog/configure.sh"];

/** The watchdog as it travels: an archive that holds its program, its Node and its unit. */
export interface WatchdogBundle {
  readonly archivePath: string;
  /** Changes with the content. */
  readonly version: string;
}

export interface WatchdogHost extends StagedHost {
  readonly host: Host;
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
  readonly config: Pick<StackConfig, "firstPrimary" | "replication" | "checks">;
  readonly version: string;
  readonly caCertificate: string;
  /** Password of its Elasticsearch user. */
  readonly password: pulumi.Output<string>;
  /** Steps that it needs: its release, and HAProxy with its sockets. */
  readonly after: readonly pulumi.Resource[];
}

/** The watchdog beside a HAProxy: configured, enabled, running. */
export class Watchdog extends pulumi.ComponentResource {
  constructor(name: string, args: WatchdogArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:watchdog:Watchdog", name, {}, opts);
    const { host, config, topology } = args;
    const json = watchdogJson({ topology, config, host: host.host });
    const stdin = args.password.apply((password) =>
      JSON.stringify({
        desired: contentHash(args.version, json, args.caCertificate, password),
        files: watchdogFiles({ json, caCertificate: args.caCertificate, password }),
      }),
    );
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
  readonly caCertificate: string;
  readonly password: string;
}): HostFile[] {
  const file = (path: string, text: string): HostFile => ({ path, content: text, mode: "0640", group: "es-failover" });
  return [
    file(watchdogPaths.config, content.json),
    file(watchdogPaths.ca, content.caCertificate),
    file(watchdogPaths.password, `${content.password}\n`),
  ];
}
