import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { HostFile } from "./provision/remote.ts";

export interface Authority {
  /** Of the authority that signs. */
  readonly certificatePem: string;
  /** Of every authority that is trusted: two while one is replaced. */
  readonly trustedPem: string;
  readonly privateKeyPem: pulumi.Output<string>;
}

export interface HostCertificateArgs {
  readonly authority: Authority;
  readonly dnsNames: readonly string[];
  /**
   * The subject: the first of the names (the default), or an organisation without a common name. etcd takes a client's
   * common name for the name of a user.
   */
  readonly subject?: "common-name" | "organization";
  readonly ipAddresses: readonly pulumi.Input<string>[];
}

const hoursPerDay = 24;
/** Browsers refuse server certificates with a longer validity (398 days). */
const validityDays = 397;
/** A `pulumi up` in the last days of the validity renews the certificate. */
const renewalDays = 60;

/** A host's own key and a certificate for its names and addresses, signed by the deployment's authority. */
export class HostCertificate extends pulumi.ComponentResource {
  readonly privateKeyPem: pulumi.Output<string>;
  readonly certificatePem: pulumi.Output<string>;

  constructor(name: string, args: HostCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("es-failover:tls:HostCertificate", name, {}, opts);
    const key = new tls.PrivateKey(`${name}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent: this });
    const request = new tls.CertRequest(
      `${name}-request`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: args.subject === "organization" ? { organization: "es-failover" } : { commonName: args.dnsNames[0] },
        dnsNames: [...args.dnsNames],
        ipAddresses: [...args.ipAddresses],
      },
      { parent: this },
    );
    const certificate = new tls.LocallySignedCert(
      `${name}-certificate`,
      {
        certRequestPem: request.certRequestPem,
        caCertPem: args.authority.certificatePem,
        caPrivateKeyPem: args.authority.privateKeyPem,
        validityPeriodHours: validityDays * hoursPerDay,
        earlyRenewalHours: renewalDays * hoursPerDay,
        allowedUses: ["digital_signature", "server_auth", "client_auth"],
        setSubjectKeyId: true,
      },
      { parent: this },
    );
    this.privateKeyPem = pulumi.secret(key.privateKeyPemPkcs8);
    this.certificatePem = certificate.certPem;
    this.registerOutputs({ certificatePem: this.certificatePem });
  }
}

/** Certificate and key as Elasticsearch reads them, in its configuration directory. */
export function nodeCertificateFiles(
  directory: string,
  material: { readonly ca: string; readonly certificate: string; readonly privateKey: string },
): HostFile[] {
  const file = (name: string, content: string): HostFile => ({
    path: `${directory}/certs/${name}`,
    content,
    mode: "0640",
    group: "elasticsearch",
  });
  return [file("ca.crt", material.ca), file("node.crt", material.certificate), file("node.key", material.privateKey)];
}
