import type { RegionName } from "../../config/address.ts";
import { type Check, ok, unknown, warn } from "./check.ts";
import type { PreflightFindings, RegionFindings } from "./findings.ts";
import { firstLeaseToEnd } from "./leases.ts";

/** Whether a follower that misses operations for the length of an outage can still read them afterwards. */
export function retention(name: RegionName, region: RegionFindings, findings: PreflightFindings): Check {
  const check = `retention leases on ${name}`;
  const { retention: found, leases } = region;
  if ("error" in found) return unknown(check, found.error);
  if (findings.active === name && "error" in leases) return unknown(check, leases.error);
  const end = findings.active === name ? firstLeaseToEnd(findings) : null;
  if (end !== null && end.remainingMs < end.periodMs / 2) {
    const left = end.remainingMs === 0 ? "has lapsed" : `lapses in ${hours(end.remainingMs)}`;
    return warn(
      check,
      `the lease of the follower of ${end.index} ${left}: the follower does not read`,
      "make the standby read again before it lapses, else its indices are copied as a whole: `es-failover status` has the reason",
    );
  }
  return periods(check, found.value, findings.outageMs);
}

function periods(
  check: string,
  found: readonly { readonly index: string; readonly periodMs: number }[],
  outageMs: number,
): Check {
  const byPeriod = found.toSorted((a, b) => a.periodMs - b.periodMs);
  const [shortest] = byPeriod;
  if (shortest === undefined) return ok(check, "no managed index yet");
  const tooShort = byPeriod.filter(({ periodMs }) => periodMs < outageMs);
  if (tooShort.length === 0) {
    return ok(check, `operations are retained for at least ${hours(shortest.periodMs)}: an outage may last that long`);
  }
  return warn(
    check,
    `${tooShort.length} of ${byPeriod.length} indices (${shortest.index}) retain operations for ` +
      `${hours(shortest.periodMs)} only, less than an outage of ${hours(outageMs)}`,
    "raise index.soft_deletes.retention_lease.period in their template, or expect a full copy after an outage",
  );
}

const hours = (ms: number): string => `${Number((ms / 3_600_000).toFixed(1))} h`;
