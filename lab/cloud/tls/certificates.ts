import "reflect-metadata";
import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { messageOf } from "../../../watchdog/util/errors.ts";
import { algorithmOf, signingKey } from "./keys.ts";

/** Alternative names of a certificate. */
export interface SubjectNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
}

export interface CertificateOptions {
  readonly validityHours: number;
  readonly allowedUses: readonly string[];
  readonly isCa: boolean;
  /** Number of intermediate certificates that may follow; for a CA only. */
  readonly maxPathLength?: number;
  readonly setSubjectKeyId: boolean;
  readonly setAuthorityKeyId: boolean;
}

export interface IssuedCertificate {
  readonly pem: string;
  readonly validFrom: Date;
  readonly validUntil: Date;
}

/**
 * Values of `allowedUses` for the key usage extension. With underscores, as in the package's examples; its list of accepted
 * values is in camel case only because the names of properties are.
 */
const keyUsages: Readonly<Record<string, number>> = {
  digital_signature: x509.KeyUsageFlags.digitalSignature,
  content_commitment: x509.KeyUsageFlags.nonRepudiation,
  key_encipherment: x509.KeyUsageFlags.keyEncipherment,
  data_encipherment: x509.KeyUsageFlags.dataEncipherment,
  key_agreement: x509.KeyUsageFlags.keyAgreement,
  cert_signing: x509.KeyUsageFlags.keyCertSign,
  crl_signing: x509.KeyUsageFlags.cRLSign,
  encipher_only: x509.KeyUsageFlags.encipherOnly,
  decipher_only: x509.KeyUsageFlags.decipherOnly,
};

/** Object identifiers of the values of `allowedUses` that are extended key usages (RFC 5280 4.2.1.12). */
const extendedKeyUsages: Readonly<Record<string, string>> = {
  any_extended: "2.5.29.37.0",
  server_auth: "1.3.6.1.5.5.7.3.1",
  client_auth: "1.3.6.1.5.5.7.3.2",
  code_signing: "1.3.6.1.5.5.7.3.3",
  email_protection: "1.3.6.1.5.5.7.3.4",
  ipsec_end_system: "1.3.6.1.5.5.7.3.5",
  ipsec_tunnel: "1.3.6.1.5.5.7.3.6",
  ipsec_user: "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  ocsp_signing: "1.3.6.1.5.5.7.3.9",
};

export const knownUses: readonly string[] = [...Object.keys(keyUsages), ...Object.keys(extendedKeyUsages)];

function alternativeNames(names: SubjectNames): x509.Extension[] {
  const all: x509.JsonGeneralNames = [
    ...names.dnsNames.map((value) => ({ type: "dns", value }) as const),
    ...names.ipAddresses.map((value) => ({ type: "ip", value }) as const),
    ...names.uris.map((value) => ({ type: "url", value }) as const),
  ];
  return all.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(all)];
}

function usageExtensions(allowedUses: readonly string[]): x509.Extension[] {
  const flags = allowedUses.reduce((sum, use) => sum | (keyUsages[use] ?? 0), 0);
  const extended = allowedUses.flatMap((use) => extendedKeyUsages[use] ?? []);
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
  ];
}

/** In whole seconds, the resolution of certificates. */
function validity(hours: number): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(Math.floor(Date.now() / 1000) * 1000);
  return { notBefore, notAfter: new Date(notBefore.getTime() + hours * 3_600_000) };
}

/** 128 random bits, of which the first is zero, as a serial number must be positive. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes[0] ?? 0) & 0x7f, 0);
  return bytes.toString("hex");
}

async function commonExtensions(options: CertificateOptions, publicKey: x509.PublicKeyType): Promise<x509.Extension[]> {
  // Go's x509, on which the tls package is built, gives every CA certificate a subject key identifier.
  const withSubjectKeyId = options.setSubjectKeyId || options.isCa;
  return [
    new x509.BasicConstraintsExtension(options.isCa, options.isCa ? options.maxPathLength : undefined, true),
    ...usageExtensions(options.allowedUses),
    ...(withSubjectKeyId ? [await x509.SubjectKeyIdentifierExtension.create(publicKey)] : []),
  ];
}

function issued(certificate: x509.X509Certificate): IssuedCertificate {
  return {
    pem: `${certificate.toString("pem")}\n`,
    validFrom: certificate.notBefore,
    validUntil: certificate.notAfter,
  };
}

export async function selfSignedCertificate(
  key: KeyObject,
  subject: x509.JsonNameParams,
  names: SubjectNames,
  options: CertificateOptions,
): Promise<IssuedCertificate> {
  const { pair, signing } = await signingKey(key);
  const extensions = [
    ...(await commonExtensions(options, pair.publicKey)),
    ...(options.setAuthorityKeyId ? [await x509.AuthorityKeyIdentifierExtension.create(pair.publicKey)] : []),
    ...alternativeNames(names),
  ];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: new x509.Name(subject),
    keys: pair,
    serialNumber: serialNumber(),
    signingAlgorithm: signing,
    extensions,
    ...validity(options.validityHours),
  });
  return issued(certificate);
}

export async function certificateRequest(
  key: KeyObject,
  subject: x509.JsonNameParams,
  names: SubjectNames,
): Promise<string> {
  const { pair, signing } = await signingKey(key);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name(subject),
    keys: pair,
    signingAlgorithm: signing,
    extensions: alternativeNames(names),
  });
  return `${request.toString("pem")}\n`;
}

/** Signs a request with a CA's key. Uses only the request's subject, alternative names and public key. */
export async function signRequest(
  requestPem: string,
  caPem: string,
  caKey: KeyObject,
  options: CertificateOptions,
): Promise<IssuedCertificate> {
  const request = readPem(requestPem, "certRequestPem", (pem) => new x509.Pkcs10CertificateRequest(pem));
  const ca = readPem(caPem, "caCertPem", (pem) => new x509.X509Certificate(pem));
  if (!(await request.verify())) throw new Error("certRequestPem is not signed by its own key");
  const spki = createPublicKey(caKey).export({ format: "der", type: "spki" });
  if (!spki.equals(Buffer.from(ca.publicKey.rawData))) {
    throw new Error("caPrivateKeyPem is not the private key of the certificate in caCertPem");
  }
  const { pair, signing } = await signingKey(caKey);
  const caKeyId = ca.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  const names = request.getExtension("2.5.29.17");
  const certificate = await x509.X509CertificateGenerator.create({
    subject: request.subjectName,
    issuer: ca.subjectName,
    publicKey: request.publicKey,
    signingKey: pair.privateKey,
    serialNumber: serialNumber(),
    signingAlgorithm: signing,
    extensions: [
      ...(await commonExtensions(options, request.publicKey)),
      ...(caKeyId === undefined ? [] : [new x509.AuthorityKeyIdentifierExtension(caKeyId)]),
      ...(names === null ? [] : [names]),
    ],
    ...validity(options.validityHours),
  });
  return issued(certificate);
}

/** Key algorithm of a certificate. */
export function keyAlgorithmOfPem(pem: string, property: string): string {
  const { publicKey } = readPem(pem, property, (text) => new x509.X509Certificate(text));
  return algorithmOf(createPublicKey({ key: Buffer.from(publicKey.rawData), format: "der", type: "spki" }));
}

function readPem<T>(pem: string, property: string, parse: (pem: string) => T): T {
  try {
    return parse(pem);
  } catch (error) {
    throw new Error(`${property} cannot be read as PEM: ${messageOf(error)}`);
  }
}
