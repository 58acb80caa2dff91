import type { RegionName } from "../../config/address.ts";
import { duration, time } from "../../util/text.ts";
import type { ClusterLicence } from "./cluster.ts";

/** Elasticsearch itself begins to warn so long before the end. */
const WARNING_MS = 30 * 86_400_000;

/** Why this licence permits no replication; null when it does. */
export function licenceFault(
  region: RegionName,
  { type, active, allowsCcr, expiresAtMs }: ClusterLicence,
): string | null {
  if (!active) {
    const when = expiresAtMs === null ? "" : `: it lapsed on ${time(expiresAtMs)} UTC`;
    return `the ${type} licence of ${region} is not active${when}`;
  }
  return allowsCcr ? null : `the ${type} licence of ${region} does not include cross-cluster replication`;
}

/** That this licence ends within 30 days; null when it does not. */
export function licenceEnds(region: RegionName, { type, expiresAtMs }: ClusterLicence, nowMs: number): string | null {
  if (expiresAtMs === null || expiresAtMs - nowMs > WARNING_MS) return null;
  const left = duration(Math.max(0, expiresAtMs - nowMs));
  return `the ${type} licence of ${region} ends in ${left}, on ${time(expiresAtMs)} UTC, and replication with it`;
}
