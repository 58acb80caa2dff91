import * as pulumi from "@pulumi/pulumi";
import { type Authority, HostCertificate } from "../certificates.ts";
import { runScript, type StagedHost } from "../provision/remote.ts";
import { configureInput, type MonitoredHost, type MonitoringSecrets, packagesOf } from "./host-files.ts";

export const monitoringScripts = ["monitoring/install.sh", "monitoring/configure.sh"];

export interface HostMonitoringArgs {
  readonly host: StagedHost & Pick<MonitoredHost, "host">;
  readonly topology: MonitoredHost["topology"];
  readonly monitoring: MonitoredHost["monitoring"];
  readonly authority: Authority;
  readonly secrets: pulumi.Output<MonitoringSecrets>;
  /** What must run before: the services that are watched come first. */
  readonly after: readonly pulumi.Resource[];
}

/** The exporters of one host, and on the witness Prometheus and Alertmanager. */
export class HostMonitoring extends pulumi.ComponentResource {
  constructor(name: string, args: HostMonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:monitoring:HostMonitoring", name, {}, opts);
    const { host, topology, monitoring, after } = args;
    const installed = runScript(
      host,
      { name: `${host.name}-monitoring-install`, script: "monitoring/install.sh", args: packagesOf(host.host) },
      { parent: this, after },
    );
    const { certificatePem, privateKeyPem } = this.certificate(args);
    const stdin = pulumi
      .all([certificatePem, privateKeyPem, args.secrets])
      .apply(([certificate, privateKey, secrets]) =>
        configureInput(
          { host: host.host, topology, monitoring },
          { ca: args.authority.trustedPem, certificate, privateKey },
          secrets,
        ),
      );
    runScript(
      host,
      {
        name: `${host.name}-monitoring-configuration`,
        script: "monitoring/configure.sh",
        stdin: pulumi.secret(stdin),
      },
      { parent: this, after: [installed] },
    );
    this.registerOutputs({});
  }

  /** Of the exporters as servers; on the witness also of Prometheus, which is a client of etcd, too. */
  private certificate({ host, authority }: HostMonitoringArgs): HostCertificate {
    return new HostCertificate(
      `${host.name}-monitoring`,
      { authority, subject: "organization", dnsNames: [host.name], ipAddresses: [host.host.privateIp] },
      { parent: this },
    );
  }
}
