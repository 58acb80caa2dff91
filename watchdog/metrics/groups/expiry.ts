import { gauge, labelled, sampleOf, seconds } from "../metric.ts";

/** What ends by itself. */
export const expiryMetrics = [
  gauge(
    "files_refused",
    "Changed certificates and passwords on this host that cannot be used: what was read before goes on.",
    ({ status }) => status.files.length,
  ),
  labelled(
    "certificate_expiry_timestamp_seconds",
    "End of a certificate that this watchdog uses; of a file with several, the first to end.",
    ["file"],
    ({ certificates }) => certificates.flatMap(({ file, expiresAtMs }) => sampleOf({ file }, seconds(expiresAtMs))),
  ),
  labelled(
    "license_expiry_timestamp_seconds",
    "End of the region's Elasticsearch licence; absent when it does not end.",
    ["region", "type"],
    ({ status }) =>
      status.regions.flatMap(({ region, licence }) =>
        sampleOf({ region, type: licence?.type ?? "" }, seconds(licence?.expiresAtMs)),
      ),
  ),
  labelled(
    "license_allows_ccr",
    "1 when the region's licence is active and includes cross-cluster replication.",
    ["region"],
    ({ status }) =>
      status.regions.flatMap(({ region, licence }) =>
        sampleOf({ region }, licence === null ? null : licence.active && licence.allowsCcr),
      ),
  ),
];
