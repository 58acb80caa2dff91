import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { reasonOf } from "../util/files.ts";
import type { Credentials } from "./region-access.ts";
import { type ConfigViolation, sentenceOf } from "./violations.ts";

/** Read, write and execute permission of users who are neither owner nor in the group. */
const WORLD = 0o007;

/** The secret, and where it is being rotated the other one that may still, or already, be valid. */
export type Secrets = readonly [string, ...string[]];

type CheckedSecret = { readonly secrets: Secrets; readonly violation: null } | { readonly violation: ConfigViolation };

/**
 * Reads a file that holds a secret. Refuses a file that every user of the host could read.
 *
 * @param most how many secrets it may hold, one on each line
 */
export async function checkSecretFile(key: string, file: string, most: 1 | 2 = 1): Promise<CheckedSecret> {
  const refused = (reason: string): CheckedSecret => ({
    violation: { key, message: `names ${file}, which ${reason}` },
  });
  try {
    const { mode } = await stat(file);
    if ((mode & WORLD) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0");
      return refused(`is open to every user of this host (mode ${shown}): chmod 0640 it, owner root:es-failover`);
    }
    const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.trim());
    const [secret, ...others] = lines.filter((line) => line !== "");
    const form = most === 1 ? "it must hold the secret alone" : "it must hold the secret, and at most one other";
    if (secret === undefined) return refused(`is empty: ${form}`);
    if (others.length >= most)
      return refused(`holds ${most === 1 ? "several" : `${others.length + 1}`} lines: ${form}`);
    return { secrets: [secret, ...others], violation: null };
  } catch (error) {
    return refused(`cannot be read: ${reasonOf(error)}`);
  }
}

/** Reads the passwords, or the API keys, by which a region's cluster is reached. */
export async function checkCredentials({ kind, secret: { key, file } }: Credentials): Promise<CheckedSecret> {
  const checked = await checkSecretFile(key, file, 2);
  if (kind === "password" || checked.violation !== null || checked.secrets.every(isEncodedApiKey)) return checked;
  const message = `names ${file}, which holds no API key: write what Elasticsearch returned as "encoded" when it made the key`;
  return { violation: { key, message } };
}

/** An id and a secret, in base64. */
const isEncodedApiKey = (secret: string): boolean =>
  /^[A-Za-z0-9+/_-]+=*$/.test(secret) && /^[^:]+:[^:]+$/.test(Buffer.from(secret, "base64").toString("latin1"));

/**
 * The passwords, or the API keys, in a file that `checkCredentials` accepts.
 *
 * @throws Error that names the key and what is wrong with the file
 */
export async function readCredentials(credentials: Credentials): Promise<Secrets> {
  const checked = await checkCredentials(credentials);
  if (checked.violation !== null) throw new Error(sentenceOf(checked.violation));
  return checked.secrets;
}

/**
 * The secret in a file that `checkSecretFile` accepts.
 *
 * @throws Error that names the key and what is wrong with the file
 */
export async function readSecret(key: string, file: string): Promise<string> {
  return (await readSecrets(key, file, 1))[0];
}

/** The same for a file that may hold two. */
export async function readSecrets(key: string, file: string, most: 1 | 2 = 2): Promise<Secrets> {
  const checked = await checkSecretFile(key, file, most);
  if (checked.violation !== null) throw new Error(sentenceOf(checked.violation));
  return checked.secrets;
}

/** @throws Error with the first of these violations */
export function refuseAny(violations: readonly ConfigViolation[]): void {
  const [first] = violations;
  if (first !== undefined) throw new Error(sentenceOf(first));
}

/** The certificates of a PEM text, one by one: OpenSSL does not read one that begins on the line on which another ends. */
export const certificatesIn = (pem: string): readonly string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

/** Checks that a file holds certificates of authorities that are valid now. */
export async function caFileViolations(key: string, file: string, nowMs: number): Promise<readonly ConfigViolation[]> {
  const refused = (reason: string) => [{ key, message: `names ${file}, which ${reason}` }];
  try {
    const blocks = certificatesIn(await readFile(file, "utf8"));
    if (blocks.length === 0) return refused("holds no certificate in PEM format");
    for (const block of blocks) {
      const reason = authorityError(new X509Certificate(block), nowMs);
      if (reason !== null) return refused(reason);
    }
    return [];
  } catch (error) {
    return refused(`cannot be read: ${reasonOf(error)}`);
  }
}

/**
 * The certificates in a file that `caFileViolations` accepts.
 *
 * @throws Error that names the key and what is wrong with the file
 */
export async function readCa(key: string, file: string): Promise<string> {
  refuseAny(await caFileViolations(key, file, Date.now()));
  return certificatesIn(await readFile(file, "utf8")).join("\n");
}

function authorityError(certificate: X509Certificate, nowMs: number): string | null {
  const subject = certificate.subject.replaceAll("\n", ", ");
  if (!certificate.ca) return `holds a certificate that is not an authority's: ${subject}`;
  if (certificate.validToDate.getTime() < nowMs) return `holds ${subject}, expired on ${certificate.validTo}`;
  if (certificate.validFromDate.getTime() > nowMs) {
    return `holds ${subject}, not valid before ${certificate.validFrom}: is this host's clock right?`;
  }
  return null;
}

/** Checks that a certificate is valid now and belongs to the key beside it. `section` is where both are named. */
export async function keyPairViolations(
  section: string,
  { certificateFile, keyFile }: { readonly certificateFile: string; readonly keyFile: string },
): Promise<readonly ConfigViolation[]> {
  const refused = (key: string, file: string, reason: string) => [
    { key: `${section}.${key}`, message: `names ${file}, which ${reason}` },
  ];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(await readFile(certificateFile));
  } catch (error) {
    return refused("certificateFile", certificateFile, `cannot be read: ${reasonOf(error)}`);
  }
  if (certificate.validToDate.getTime() < Date.now()) {
    return refused("certificateFile", certificateFile, `expired on ${certificate.validTo}`);
  }
  try {
    if (certificate.checkPrivateKey(createPrivateKey(await readFile(keyFile)))) return [];
    return refused("keyFile", keyFile, `is not the key of the certificate in ${certificateFile}`);
  } catch (error) {
    return refused("keyFile", keyFile, `cannot be read: ${reasonOf(error)}`);
  }
}
