import type { RegionName } from "../../config/address.ts";
import { type Check, ok, unknown, warn } from "./check.ts";
import type { RegionFindings } from "./findings.ts";

/** Whether a follower that misses operations for the length of an outage can still read them afterwards. */
export function retention(name: RegionName, { retention: found }: RegionFindings, outageMs: number): Check {
  const check = `retention leases on ${name}`;
  if ("error" in found) return unknown(check, found.error);
  const periods = found.value.toSorted((a, b) => a.periodMs - b.periodMs);
  const [shortest] = periods;
  if (shortest === undefined) return ok(check, "no managed index yet");
  const tooShort = periods.filter(({ periodMs }) => periodMs < outageMs);
  if (tooShort.length === 0) {
    return ok(check, `operations are retained for at least ${hours(shortest.periodMs)}: an outage may last that long`);
  }
  return warn(
    check,
    `${tooShort.length} of ${periods.length} indices (${shortest.index}) retain operations for ` +
      `${hours(shortest.periodMs)} only, less than an outage of ${hours(outageMs)}`,
    "raise index.soft_deletes.retention_lease.period in their template, or expect a full copy after an outage",
  );
}

const hours = (ms: number): string => `${Number((ms / 3_600_000).toFixed(1))} h`;
