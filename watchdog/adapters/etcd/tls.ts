import { readFile } from "node:fs/promises";
import type { EtcdTls } from "./transport.ts";

/** @throws Error that names the unreadable file */
export async function readEtcdTls(files: {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}): Promise<EtcdTls> {
  const [ca, certificate, key] = await Promise.all([
    readFile(files.caFile, "utf8"),
    readFile(files.certificateFile, "utf8"),
    readFile(files.keyFile, "utf8"),
  ]);
  return { ca, certificate, key };
}
