import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];

/** A certificate authority of one test, in the test's directory. */
export class TestAuthority {
  readonly caFile: string;
  readonly #directory: string;
  readonly #keyFile: string;

  private constructor(directory: string, name: string) {
    this.#directory = directory;
    this.caFile = path.join(directory, `${name}.crt`);
    this.#keyFile = path.join(directory, `${name}.key`);
  }

  static async create(directory: string, name = "ca"): Promise<TestAuthority> {
    const authority = new TestAuthority(directory, name);
    const files = ["-keyout", authority.#keyFile, "-out", authority.caFile];
    await run("openssl", ["req", "-x509", ...newKey, ...files, "-subj", `/CN=test ${name}`]);
    return authority;
  }

  /**
   * A certificate for both TLS servers and clients, valid for 127.0.0.1 unless other addresses are given: etcd's gateway shows
   * the member's own certificate to the member itself. etcd requires that clients' subjects have no CommonName.
   */
  async issue(
    name: string,
    subject = `/O=${name}`,
    addresses: readonly string[] = ["127.0.0.1"],
  ): Promise<CertificateFiles> {
    const files = {
      certificate: path.join(this.#directory, `${name}.crt`),
      key: path.join(this.#directory, `${name}.key`),
    };
    const extensions = path.join(this.#directory, `${name}.cnf`);
    await writeFile(
      extensions,
      `subjectAltName=${addresses.map((address) => `IP:${address}`).join(",")}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:false\n`,
    );
    const request = path.join(this.#directory, `${name}.csr`);
    await run("openssl", ["req", ...newKey.slice(0, -2), "-keyout", files.key, "-out", request, "-subj", subject]);
    await run("openssl", [
      ...["x509", "-req", "-in", request, "-out", files.certificate, "-days", "2", "-extfile", extensions],
      ...["-CA", this.caFile, "-CAkey", this.#keyFile, "-CAcreateserial"],
    ]);
    return files;
  }

  async ca(): Promise<string> {
    return readFile(this.caFile, "utf8");
  }
}

/** What a section of the configuration names, as PEM text. */
export async function readTls(files: {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const read = (file: string) => readFile(file, "utf8");
  const [ca, cert, key] = await Promise.all([read(files.caFile), read(files.certificateFile), read(files.keyFile)]);
  return { ca, cert, key };
}
