import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config();
/** Every script appends a line to this file, so that the test sees what really ran, and when. */
const log = config.require("log");

const caKey = new tls.PrivateKey("ca", { algorithm: "ECDSA", ecdsaCurve: "P256" });
const ca = new tls.SelfSignedCert("ca", {
  privateKeyPem: caKey.privateKeyPem,
  subject: { commonName: "Test CA" },
  validityPeriodHours: 24,
  isCaCertificate: true,
  allowedUses: ["cert_signing", "crl_signing"],
});
const hostKey = new tls.PrivateKey("host", { algorithm: "ED25519" });
const request = new tls.CertRequest("host", {
  privateKeyPem: hostKey.privateKeyPem,
  subject: { commonName: "host" },
  dnsNames: ["host", "localhost"],
  ipAddresses: ["192.168.1.11"],
});
const certificate = new tls.LocallySignedCert("host", {
  certRequestPem: request.certRequestPem,
  caCertPem: ca.certPem,
  caPrivateKeyPem: caKey.privateKeyPem,
  validityPeriodHours: 12,
  allowedUses: ["digital_signature", "server_auth"],
});
const secret = new random.RandomPassword("secret", { length: config.requireNumber("passwordLength") });

const updated = new command.local.Command("updated", {
  create: `echo create >> ${log}; echo made`,
  update: `echo update after "$PULUMI_COMMAND_STDOUT" >> ${log}; echo ${config.require("greeting")}`,
  delete: `echo delete >> ${log}`,
  triggers: [config.require("trigger")],
});
const replaced = new command.local.Command("replaced", {
  create: `echo replaced-create >> ${log}`,
  delete: `echo replaced-delete >> ${log}`,
  triggers: [config.require("trigger")],
});
const counted = new command.local.Command("counted", { create: "wc -c", stdin: secret.result, logging: "none" });

export const caCertificate = ca.certPem;
export const hostCertificate = certificate.certPem;
export const password = secret.result;
export const greeting = updated.stdout;
export const passwordBytes = counted.stdout;
export const ids = [updated.id, replaced.id];
