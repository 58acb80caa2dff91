import * as pulumi from "@pulumi/pulumi";
import { type Authority, HostCertificate } from "../certificates.ts";
import type { StackConfig } from "../config/schema.ts";
import { contentHash, type HostFile, runScript, type StagedHost } from "../provision/remote.ts";
import type { Host, Topology } from "../topology.ts";
import { completionUnit, etcdDropIn, etcdPaths, etcdSettings, memberJson } from "./etcd-files.ts";

export const etcdScripts = ["etcd/install.sh", "etcd/configure.sh"];

export interface EtcdHost extends StagedHost {
  readonly host: Host;
}

export interface EtcdMemberArgs {
  readonly topology: Topology;
  readonly host: EtcdHost;
  readonly config: Pick<StackConfig, "store" | "etcd">;
  readonly authority: Authority;
  readonly passwords: pulumi.Output<{ readonly root: string; readonly user: string }>;
  /** The step that installed the watchdog's release: its command decides how a member starts. */
  readonly command: pulumi.Resource;
}

/**
 * A member of etcd on one host. It is started and not waited for: it takes part as soon as a majority of the planned
 * members is there. How it does, and how a rebuilt host's member enters the cluster that exists, is decided on the host
 * by asking the other members; see watchdog/etcd-member.
 */
export class EtcdMember extends pulumi.ComponentResource {
  constructor(name: string, args: EtcdMemberArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:etcd:EtcdMember", name, {}, opts);
    const { host, topology, authority } = args;
    const installed = runScript(
      host,
      { name: `${host.name}-etcd-install`, script: "etcd/install.sh" },
      // One step at a time may use the package database.
      { parent: this, after: [args.command] },
    );
    const certificate = new HostCertificate(
      `${host.name}-etcd`,
      {
        authority,
        // A member shows its certificate to itself as a client, too; etcd takes a client's common name for a user's.
        subject: "organization",
        dnsNames: [host.name],
        ipAddresses: [host.host.privateIp],
      },
      { parent: this },
    );
    const settings = etcdSettings({ host: host.host, config: args.config });
    const stdin = pulumi
      .all([certificate.certificatePem, certificate.privateKeyPem, args.passwords])
      .apply(([certificatePem, privateKey, passwords]) => {
        const ca = authority.certificatePem;
        return JSON.stringify({
          desired: contentHash(settings, etcdDropIn, ca, certificatePem),
          files: memberFiles({
            ...{ settings, ca, certificate: certificatePem, privateKey, passwords },
            member: memberJson(topology, host.host),
          }),
        });
      });
    runScript(
      host,
      {
        name: `${host.name}-etcd-configuration`,
        script: "etcd/configure.sh",
        // The first host in this place may found a cluster. One that replaces it may not: see watchdog/etcd-member.
        args: ["founding"],
        updateArgs: [],
        stdin: pulumi.secret(stdin),
      },
      { parent: this, after: [installed] },
    );
    this.registerOutputs({});
  }
}

function memberFiles(content: {
  readonly settings: string;
  readonly member: string;
  readonly ca: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly passwords: { readonly root: string; readonly user: string };
}): HostFile[] {
  const rootOnly = (path: string, text: string): HostFile => ({ path, content: text, mode: "0600" });
  const forEtcd = (path: string, text: string): HostFile => ({ path, content: text, mode: "0640", group: "etcd" });
  const forAll = (path: string, text: string): HostFile => ({ path, content: text, mode: "0644" });
  return [
    forAll(etcdPaths.settings, content.settings),
    forAll(etcdPaths.dropIn, etcdDropIn),
    forAll(etcdPaths.completionUnit, completionUnit),
    forAll(etcdPaths.ca, content.ca),
    forEtcd(etcdPaths.certificate, content.certificate),
    forEtcd(etcdPaths.key, content.privateKey),
    rootOnly(etcdPaths.member, content.member),
    rootOnly(etcdPaths.rootPassword, `${content.passwords.root}\n`),
    rootOnly(etcdPaths.userPassword, `${content.passwords.user}\n`),
  ];
}
