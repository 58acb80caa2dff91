import * as pulumi from "@pulumi/pulumi";
import { users } from "../../watchdog/config/roles.ts";
import { type Authority, HostCertificate } from "../certificates.ts";
import { contentHash, type HostFile, runScript, type StagedHost, type StepOptions } from "../provision/remote.ts";
import { type Host, type Topology, virtualAddressOf } from "../topology/model.ts";
import { haproxyCfg, haproxyDefaults, haproxyPaths } from "./haproxy-cfg.ts";

export const haproxyScripts = ["haproxy/install.sh", "haproxy/apply.sh", "haproxy/virtual-address-off.sh"];

export interface HaproxyHost extends StagedHost {
  readonly host: Host;
  /** Absent where it has none. */
  readonly publicIp?: pulumi.Input<string>;
  /** Step after which packages may be installed. */
  readonly ready: pulumi.Resource;
}

/** Installs HAProxy. The watchdog's user must exist already, as it owns HAProxy's ticket map. */
export function installHaproxy(host: HaproxyHost, { parent, after = [] }: StepOptions): pulumi.Resource {
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
  /** Whether Prometheus reads HAProxy's metrics. */
  readonly withMetrics: boolean;
  /** The step that installed the watchdog's release: its command applies HAProxy's configuration. */
  readonly command: pulumi.Resource;
}

/** HAProxy on one host, configured as on every other. It starts closed: the watchdog decides where it routes. */
export class Haproxy extends pulumi.ComponentResource {
  /** Step after which HAProxy runs with this configuration. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: HaproxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:haproxy:Haproxy", name, {}, opts);
    const { host } = args;
    const stdin = pulumi.secret(this.configuration(args));
    this.ready = runScript(
      host,
      { name: `${host.name}-haproxy-configuration`, script: "haproxy/apply.sh", stdin },
      { parent: this, after: [args.command] },
    );
    this.registerOutputs({});
  }

  private configuration(args: HaproxyArgs): pulumi.Output<string> {
    const { certificatePem, privateKeyPem } = this.certificate(args);
    const ca = args.authority.trustedPem;
    const [virtualAddress] = virtualAddressOf(args.topology, args.host.host);
    return pulumi
      .all([certificatePem, privateKeyPem, args.checkPassword])
      .apply(([certificate, privateKey, password]) =>
        JSON.stringify({
          candidate: candidateFile,
          certificates: contentHash(ca, certificate),
          ...(virtualAddress === undefined ? {} : { virtualAddress }),
          files: haproxyFiles({
            ca,
            entry: `${certificate.trimEnd()}\n${privateKey.trimEnd()}\n`,
            config: haproxyCfg({ ...args, check: { user: users.haproxyCheck.name, password } }),
          }),
        }),
      );
  }

  /** For the names and addresses by which applications reach the entry. */
  private certificate({ authority, host, entryNames, topology }: HaproxyArgs): HostCertificate {
    const ipAddresses = [
      host.host.privateIp,
      ...(host.publicIp === undefined ? [] : [host.publicIp]),
      ...virtualAddressOf(topology, host.host),
    ];
    return new HostCertificate(
      `${host.name}-entry`,
      { authority, dnsNames: [host.name, ...entryNames], ipAddresses },
      { parent: this },
    );
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
