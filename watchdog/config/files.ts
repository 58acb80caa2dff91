import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { reasonOf } from "../util/files.ts";
import type { ConfigProblem } from "./violations.ts";

/** Read, write and execute for everybody. */
const WORLD = 0o007;

type Checked = { readonly content: string; readonly problem: null } | { readonly problem: ConfigProblem };

/** Reads a file that holds one secret. Refuses one that every user of the host could read. */
export async function readSecretFile(key: string, file: string): Promise<Checked> {
  const failed = (message: string): Checked => ({ problem: { key, message: `${file} ${message}` } });
  try {
    const { mode } = await stat(file);
    if ((mode & WORLD) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0");
      return failed(`is open to every user of this host (mode ${shown}): chmod 0640 it, owner root:es-failover`);
    }
    const content = (await readFile(file, "utf8")).trim();
    if (content === "") return failed("is empty: must hold the secret alone");
    if (content.includes("\n")) return failed("holds several lines: must hold the secret alone");
    return { content, problem: null };
  } catch (error) {
    return failed(`cannot be read: ${reasonOf(error)}`);
  }
}

/** Checks that a file holds certificates of authorities that are valid now. */
export async function checkCaFile(key: string, file: string, nowMs: number): Promise<ConfigProblem | null> {
  const failed = (message: string): ConfigProblem => ({ key, message: `${file} ${message}` });
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
export async function keyPairProblems(
  section: string,
  { certificateFile, keyFile }: { readonly certificateFile: string; readonly keyFile: string },
): Promise<readonly ConfigProblem[]> {
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
