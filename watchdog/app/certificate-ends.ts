import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { certificatesIn } from "../config/files.ts";
import { nodeCaFiles } from "../config/region-access.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { CertificateEnd } from "../metrics/metric.ts";

/** When each certificate that the watchdog uses ends. A file that cannot be read is left out: its user reports that. */
export async function certificateEnds(config: WatchdogConfig): Promise<readonly CertificateEnd[]> {
  const ends = await Promise.all(
    certificateFilesOf(config).map(async (file) => {
      const expiresAtMs = await endOf(file).catch(() => null);
      return expiresAtMs === null ? [] : [{ file, expiresAtMs }];
    }),
  );
  return ends.flat();
}

function certificateFilesOf(config: WatchdogConfig): readonly string[] {
  const { store, failsafe, endpoint, metrics, page } = config;
  const files = [
    ...nodeCaFiles(config).map(({ file }) => file),
    ...(store.kind === "etcd" ? [store.caFile, store.certificateFile] : []),
    ...(failsafe === null ? [] : [failsafe.caFile, failsafe.certificateFile]),
    endpoint?.certificateFile ?? null,
    metrics?.certificateFile ?? null,
    metrics?.clientCaFile ?? null,
    page?.certificateFile ?? null,
    page?.authentication.kind === "certificate" ? page.authentication.clientCaFile : null,
  ];
  return [...new Set(files.filter((file) => file !== null))];
}

async function endOf(file: string): Promise<number | null> {
  const certificates = certificatesIn(await readFile(file, "utf8"));
  const ends = certificates.map((certificate) => new X509Certificate(certificate).validToDate.getTime());
  return ends.length === 0 ? null : Math.min(...ends);
}
