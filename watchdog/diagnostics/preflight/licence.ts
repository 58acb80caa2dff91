import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { permitsRemoteKeys } from "../../config/sections.ts";
import { licenceEnds, licenceFault } from "../../core/state/licence.ts";
import { time } from "../../util/text.ts";
import { type Check, fail, ok, unknown, warn } from "./check.ts";
import type { PreflightFindings, RegionFindings } from "./findings.ts";

export function licence(
  name: RegionName,
  { readiness }: RegionFindings,
  { nowMs }: PreflightFindings,
  { remoteClusterSecurity }: WatchdogConfig,
): Check {
  const check = `licence of ${name}`;
  if ("error" in readiness) return unknown(check, readiness.error);
  const found = readiness.value.licence;
  const fault = licenceFault(name, found);
  const install = "install a Platinum or Enterprise licence";
  if (fault !== null) return fail(check, fault, `${install}: without it no index can be followed`);
  if (remoteClusterSecurity === "api_key" && !permitsRemoteKeys(found.type)) {
    const advice = "install an Enterprise licence, or set remoteClusterSecurity to certificate";
    return fail(check, `the ${found.type} licence of ${name} permits no cross-cluster API keys`, advice);
  }
  const end = licenceEnds(name, found, nowMs);
  if (end !== null) return warn(check, end, `${install} that ends later`);
  const until = found.expiresAtMs === null ? "" : `, until ${time(found.expiresAtMs)} UTC`;
  if (found.type !== "trial") return ok(check, `${found.type}, active${until}`);
  return warn(check, `a trial licence${until}`, `replication ends with it: ${install}`);
}
