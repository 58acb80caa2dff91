import * as pulumi from "@pulumi/pulumi";
import { type Authority, HostCertificate } from "../certificates.ts";
import { users } from "../elasticsearch/users.ts";
import { contentHash, type HostFile, runScript, type StagedHost } from "../provision/remote.ts";
import type { Host, Topology } from "../topology.ts";
import { haproxyCfg, haproxyDefaults, haproxyPaths } from "./haproxy-cfg.ts";

export const haproxyScripts = ["haproxy/install.sh", "haproxy/apply.sh"];

export interface HaproxyHost extends StagedHost {
  readonly host: Host;
  readonly publicIp: pulumi.Input<string>;
  /** Step after which packages may be installed. */
  readonly ready: pulumi.Resource;
}

/** Installs HAProxy. The user that the watchdog runs as must be there: HAProxy's sockets are its, too. */
export function installHaproxy(
  host: HaproxyHost,
  { parent, after }: { readonly parent: pulumi.Resource; readonly after: readonly pulumi.Resource[] },
): pulumi.Resource {
  return runScript(
    host,
    { name: `${host.name}-haproxy-install`, script: "haproxy/install.sh" },
    { parent, after: [host.ready, ...after] },
  );
}

export interface HaproxyArgs {
  readonly topology: Topology;
  readonly host: HaproxyHost;
  readonly authority: Authority;
  readonly checkPassword: pulumi.Output<string>;
  /** DNS names of the entry besides the host's own. */
  readonly entryNames: readonly string[];
  /** The step that installed the watchdog's release: its command applies the configuration. */
  readonly command: pulumi.Resource;
}

/** HAProxy on one host, configured as on every other. It starts closed: which region it routes to is the watchdog's. */
export class Haproxy extends pulumi.ComponentResource {
  /** Step after which HAProxy serves by this configuration. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: HaproxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:haproxy:Haproxy", name, {}, opts);
    const { host } = args;
    const certificate = new HostCertificate(
      `${host.name}-entry`,
      {
        authority: args.authority,
        dnsNames: [host.name, ...args.entryNames],
        ipAddresses: [host.host.privateIp, host.publicIp],
      },
      { parent: this },
    );
    const stdin = pulumi
      .all([certificate.certificatePem, certificate.privateKeyPem, args.checkPassword])
      .apply(([certificatePem, privateKeyPem, password]) => {
        const ca = args.authority.certificatePem;
        return JSON.stringify({
          candidate: candidateFile,
          certificates: contentHash(ca, certificatePem),
          files: haproxyFiles({
            ca,
            entry: `${certificatePem.trimEnd()}\n${privateKeyPem.trimEnd()}\n`,
            config: haproxyCfg({ topology: args.topology, check: { user: users.haproxyCheck.name, password } }),
          }),
        });
      });
    this.ready = runScript(
      host,
      { name: `${host.name}-haproxy-configuration`, script: "haproxy/apply.sh", stdin: pulumi.secret(stdin) },
      { parent: this, after: [args.command] },
    );
    this.registerOutputs({});
  }
}

const candidateFile = `${haproxyPaths.config}.candidate`;

function haproxyFiles(content: { readonly ca: string; readonly entry: string; readonly config: string }): HostFile[] {
  return [
    { path: "/etc/default/haproxy", content: haproxyDefaults, mode: "0644" },
    { path: haproxyPaths.ca, content: content.ca, mode: "0644" },
    { path: haproxyPaths.entryCertificate, content: content.entry, mode: "0600" },
    { path: candidateFile, content: content.config, mode: "0600" },
  ];
}
