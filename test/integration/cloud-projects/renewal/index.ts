import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config();

const caKey = new tls.PrivateKey("ca", { algorithm: "ECDSA", ecdsaCurve: "P256" });
const ca = new tls.SelfSignedCert("ca", {
  privateKeyPem: caKey.privateKeyPem,
  subject: { commonName: "Test CA" },
  validityPeriodHours: config.requireNumber("authorityHours"),
  isCaCertificate: true,
  allowedUses: ["cert_signing", "crl_signing"],
});
const hostKey = new tls.PrivateKey("host", { algorithm: "ED25519" });
const request = new tls.CertRequest("host", {
  privateKeyPem: hostKey.privateKeyPem,
  subject: { commonName: "host" },
  dnsNames: ["host"],
});
/** Signed for an hour: with an hour for the renewal it is due at once. */
const certificate = new tls.LocallySignedCert("host", {
  certRequestPem: request.certRequestPem,
  caCertPem: ca.certPem,
  caPrivateKeyPem: caKey.privateKeyPem,
  validityPeriodHours: 1,
  earlyRenewalHours: config.requireNumber("renewalHours"),
  allowedUses: ["digital_signature", "server_auth"],
});
const delivered = `cat > ${config.require("file")}`;
new command.local.Command("delivery", { create: delivered, update: delivered, stdin: certificate.certPem });
new command.local.Command("other", { create: `echo ${config.require("greeting")}` });
