import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runCommand } from "./command.ts";

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-sha256", "-days", "7"];

export interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority for clusters that live for one test run. */
export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  /** A certificate for both ends of a connection, valid for `names`: "IP:127.0.0.1", "DNS:localhost". */
  issue(commonName: string, names: readonly string[]): Promise<PemPair>;
}

export async function createTestAuthority(commonName: string): Promise<CertificateAuthority> {
  const root = await inScratchDirectory((directory) =>
    createPair(directory, commonName, [
      "basicConstraints=critical,CA:true,pathlen:0",
      "keyUsage=critical,keyCertSign,cRLSign",
    ]),
  );
  return {
    certificate: root.certificate,
    issue: (name, names) =>
      inScratchDirectory(async (directory) => {
        await writeFile(path.join(directory, "ca.crt"), root.certificate);
        await writeFile(path.join(directory, "ca.key"), root.key, { mode: 0o600 });
        const extensions = [
          "basicConstraints=critical,CA:false",
          "extendedKeyUsage=serverAuth,clientAuth",
          `subjectAltName=${names.join(",")}`,
        ];
        return createPair(directory, name, extensions, ["-CA", "ca.crt", "-CAkey", "ca.key"]);
      }),
  };
}

async function createPair(
  directory: string,
  commonName: string,
  extensions: readonly string[],
  issuer: readonly string[] = [],
): Promise<PemPair> {
  const output = ["-out", "new.crt", "-keyout", "new.key", "-subj", `/CN=${commonName}`];
  const addExtensions = extensions.flatMap((extension) => ["-addext", extension]);
  await runCommand("openssl", ["req", "-x509", ...newKey, ...output, ...addExtensions, ...issuer], { cwd: directory });
  const [certificate, key] = await Promise.all([
    readFile(path.join(directory, "new.crt"), "utf8"),
    readFile(path.join(directory, "new.key"), "utf8"),
  ]);
  return { certificate, key };
}

async function inScratchDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-certificates-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
