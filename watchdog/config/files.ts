import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { reasonOf } from "../util/files.ts";
import type { ConfigViolation } from "./violations.ts";

/** Read, write and execute for everybody. */
const WORLD = 0o007;

type Checked = { readonly content: string; readonly violation: null } | { readonly violation: ConfigViolation };

/** Reads a file that holds one secret. Refuses one that every user of the host could read. */
export async function checkSecretFile(key: string, file: string): Promise<Checked> {
  const failed = (message: string): Checked => ({ violation: { key, message: `${file} ${message}` } });
  try {
    const { mode } = await stat(file);
    if ((mode & WORLD) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0");
      return failed(`is open to every user of this host (mode ${shown}): chmod 0640 it, owner root:es-failover`);
    }
    const content = (await readFile(file, "utf8")).trim();
    if (content === "") return failed("is empty: must hold the secret alone");
    if (content.includes("\n")) return failed("holds several lines: must hold the secret alone");
    return { content, violation: null };
  } catch (error) {
    return failed(`cannot be read: ${reasonOf(error)}`);
  }
}

/**
 * The secret in a file that `checkSecretFile` accepts.
 *
 * @throws Error that names the key and what is wrong with the file
 */
export async function readSecret(key: string, file: string): Promise<string> {
  const checked = await checkSecretFile(key, file);
  if (checked.violation !== null) throw new Error(`${key}: ${checked.violation.message}`);
  return checked.content;
}

/** Checks that a file holds certificates of authorities that are valid now. */
export async function checkCaFile(key: string, file: string, nowMs: number): Promise<ConfigViolation | null> {
  const failed = (message: string): ConfigViolation => ({ key, message: `${file} ${message}` });
  try {
    const blocks = (await readFile(file, "utf8")).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    if (blocks === null) return failed("holds no certificate in PEM format");
    for (const block of blocks) {
      const certificate = new X509Certificate(block);
      const subject = certificate.subject.replaceAll("\n", ", ");
      if (!certificate.ca) return failed(`holds a certificate that is not an authority's: ${subject}`);
      if (certificate.validToDate.getTime() < nowMs)
        return failed(`holds ${subject}, expired on ${certificate.validTo}`);
      if (certificate.validFromDate.getTime() > nowMs) {
        return failed(`holds ${subject}, not valid before ${certificate.validFrom}: is this host's clock right?`);
      }
    }
    return null;
  } catch (error) {
    return failed(`cannot be read: ${reasonOf(error)}`);
  }
}

/** Checks that a certificate is valid now and that the key beside it is its own. `section` is where both are named. */
export async function keyPairViolations(
  section: string,
  { certificateFile, keyFile }: { readonly certificateFile: string; readonly keyFile: string },
): Promise<readonly ConfigViolation[]> {
  const failed = (key: string, message: string) => [{ key: `${section}.${key}`, message }];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(await readFile(certificateFile));
  } catch (error) {
    return failed("certificateFile", `${certificateFile} cannot be read: ${reasonOf(error)}`);
  }
  if (certificate.validToDate.getTime() < Date.now()) {
    return failed("certificateFile", `${certificateFile} expired on ${certificate.validTo}`);
  }
  try {
    if (certificate.checkPrivateKey(createPrivateKey(await readFile(keyFile)))) return [];
    return failed("keyFile", `${keyFile} is not the key of the certificate in ${certificateFile}`);
  } catch (error) {
    return failed("keyFile", `${keyFile} cannot be read: ${reasonOf(error)}`);
  }
}
