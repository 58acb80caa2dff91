import { readFile } from "node:fs/promises";

/** Certificates for both sides of a connection, as PEM text. */
export interface FailsafeTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** @throws Error that names the unreadable file */
export async function readFailsafeTls(files: {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}): Promise<FailsafeTls> {
  const read = (file: string) => readFile(file, "utf8");
  const [ca, cert, key] = await Promise.all([read(files.caFile), read(files.certificateFile), read(files.keyFile)]);
  return { ca, cert, key };
}
