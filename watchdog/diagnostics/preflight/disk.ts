import type { RegionName } from "../../config/address.ts";
import { type Check, fail, ok, unknown, warn } from "./check.ts";
import type { PreflightFindings } from "./findings.ts";

/** Whether `name` has room for a full copy of the other region's managed indices, as after a failover away from it. */
export function disk(name: RegionName, other: RegionName, { regions }: PreflightFindings): Check {
  const check = `disk of ${name} for a copy of ${other}`;
  const [own, theirs] = [regions[name]?.storage, regions[other]?.storage];
  if (own === undefined || theirs === undefined) return unknown(check, "the region is not configured");
  if ("error" in own) return unknown(check, own.error);
  if ("error" in theirs) return unknown(check, theirs.error);
  const readiness = regions[name]?.readiness;
  const full = readiness !== undefined && "value" in readiness ? readiness.value.nodesLowOnDisk : [];
  if (full.length > 0) {
    return fail(check, `${full.join(", ")}: above a disk watermark, accepts no shard`, "free disk space or add nodes");
  }
  const copyBytes = theirs.value.managedBytes;
  const freeBytes = own.value.nodes.reduce((sum, { availableBytes }) => sum + availableBytes, 0);
  const found = `a copy takes ${gib(copyBytes)}, ${gib(freeBytes)} are free`;
  if (copyBytes <= freeBytes) return ok(check, found);
  if (copyBytes <= freeBytes + own.value.managedBytes) {
    const replaced = `${found}; its own indices, which a copy replaces, take ${gib(own.value.managedBytes)}`;
    return warn(check, replaced, "add disk space to keep its own indices while it copies");
  }
  return fail(check, found, `add disk space to ${name}: it cannot become the standby of ${other} as it is`);
}

const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(bytes < 10 * 1024 ** 3 ? 2 : 0)} GiB`;
