import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { reasonOf } from "../util/files.ts";
import { type ConfigViolation, sentenceOf } from "./violations.ts";

/** Read, write and execute permission of users who are neither owner nor in the group. */
const WORLD = 0o007;

type CheckedSecret = { readonly content: string; readonly violation: null } | { readonly violation: ConfigViolation };

/** Reads a file that holds one secret. Refuses a file that every user of the host could read. */
export async function checkSecretFile(key: string, file: string): Promise<CheckedSecret> {
  const refused = (reason: string): CheckedSecret => ({
    violation: { key, message: `names ${file}, which ${reason}` },
  });
  try {
    const { mode } = await stat(file);
    if ((mode & WORLD) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0");
      return refused(`is open to every user of this host (mode ${shown}): chmod 0640 it, owner root:es-failover`);
    }
    const content = (await readFile(file, "utf8")).trim();
    if (content === "") return refused("is empty: it must hold the secret alone");
    if (content.includes("\n")) return refused("holds several lines: it must hold the secret alone");
    return { content, violation: null };
  } catch (error) {
    return refused(`cannot be read: ${reasonOf(error)}`);
  }
}

/**
 * The secret in a file that `checkSecretFile` accepts.
 *
 * @throws Error that names the key and what is wrong with the file
 */
export async function readSecret(key: string, file: string): Promise<string> {
  const checked = await checkSecretFile(key, file);
  if (checked.violation !== null) throw new Error(sentenceOf(checked.violation));
  return checked.content;
}

/** Checks that a file holds certificates of authorities that are valid now. */
export async function caFileViolations(key: string, file: string, nowMs: number): Promise<readonly ConfigViolation[]> {
  const refused = (reason: string) => [{ key, message: `names ${file}, which ${reason}` }];
  try {
    const blocks = (await readFile(file, "utf8")).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    if (blocks === null) return refused("holds no certificate in PEM format");
    for (const block of blocks) {
      const reason = authorityError(new X509Certificate(block), nowMs);
      if (reason !== null) return refused(reason);
    }
    return [];
  } catch (error) {
    return refused(`cannot be read: ${reasonOf(error)}`);
  }
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
