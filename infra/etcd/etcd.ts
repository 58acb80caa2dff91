import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { type Authority, HostCertificate } from "../certificates.ts";
import type { StackConfig } from "../config/schema.ts";
import { contentHash, type HostFile, runScript, type StagedHost } from "../provision/remote.ts";
import type { Host, Topology } from "../topology/model.ts";
import { completionUnit, etcdDropIn, etcdPaths, etcdSettings, memberJson } from "./etcd-files.ts";

export const etcdScripts = ["etcd/install.sh", "etcd/configure.sh"];

export interface EtcdHost extends StagedHost {
  readonly host: Host;
}

interface MemberPasswords {
  readonly root: string;
  readonly user: string;
}

export interface EtcdMemberArgs {
  readonly topology: Topology;
  readonly host: EtcdHost;
  readonly config: Pick<StackConfig, "store" | "etcd" | "monitoring">;
  readonly authority: Authority;
  readonly passwords: pulumi.Output<MemberPasswords>;
  /** The step that installed the watchdog's release: its command decides how a member starts. */
  readonly command: pulumi.Resource;
}

/**
 * A member of etcd on one host. Provisioning starts it and does not wait: the planned members found the cluster once all of
 * them are up. The host decides how, by asking the other members, also when it was rebuilt and its member has to enter
 * the existing cluster; see watchdog/etcd-member.
 */
export class EtcdMember extends pulumi.ComponentResource {
  constructor(name: string, args: EtcdMemberArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:etcd:EtcdMember", name, {}, opts);
    const { host } = args;
    const installed = runScript(
      host,
      { name: `${host.name}-etcd-install`, script: "etcd/install.sh" },
      // Only one step at a time can use the package database.
      { parent: this, after: [args.command] },
    );
    runScript(
      host,
      {
        name: `${host.name}-etcd-configuration`,
        script: "etcd/configure.sh",
        stdin: pulumi.secret(this.configuration(args)),
      },
      { parent: this, after: [installed] },
    );
    this.registerOutputs({});
  }

  /**
   * Whether this is the first machine in its place, which may found a cluster. One that replaces it may not: see
   * watchdog/etcd-member. The keepers remember the first machine for as long as the stack exists.
   */
  private mayFound({ host }: EtcdMemberArgs): pulumi.Output<boolean> {
    const first = new random.RandomId(
      `${host.name}-etcd-founder`,
      { byteLength: 4, keepers: { instanceId: host.instanceId } },
      { parent: this, ignoreChanges: ["keepers"] },
    );
    return pulumi
      .all([first.keepers, host.instanceId])
      .apply(([keepers, instanceId]) => keepers?.["instanceId"] === instanceId);
  }

  private configuration(args: EtcdMemberArgs): pulumi.Output<string> {
    const { topology, host, config } = args;
    const { certificatePem, privateKeyPem } = this.certificate(args);
    const settings = etcdSettings({ host: host.host, config });
    const member = memberJson(topology, host.host);
    const ca = args.authority.trustedPem;
    const inputs = pulumi.all([certificatePem, privateKeyPem, args.passwords, this.mayFound(args)]);
    return inputs.apply(([certificate, privateKey, passwords, mayFound]) =>
      JSON.stringify({
        founding: mayFound ? "allowed" : "refused",
        desired: contentHash(settings, etcdDropIn, ca, certificate),
        files: memberFiles({ settings, member, ca, certificate, privateKey, passwords }),
      }),
    );
  }

  private certificate({ authority, host }: EtcdMemberArgs): HostCertificate {
    return new HostCertificate(
      `${host.name}-etcd`,
      {
        authority,
        // A member is also a client of itself, and etcd takes a client's common name for the name of a user.
        subject: "organization",
        dnsNames: [host.name],
        ipAddresses: [host.host.privateIp],
      },
      { parent: this },
    );
  }
}

function memberFiles(content: {
  readonly settings: string;
  readonly member: string;
  readonly ca: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly passwords: MemberPasswords;
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
