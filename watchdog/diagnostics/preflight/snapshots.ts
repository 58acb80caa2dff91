import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { snapshotProblem } from "../../core/state/snapshots.ts";
import { time } from "../../util/text.ts";
import { type Check, ok, unknown, warn } from "./check.ts";
import type { PreflightFindings, RegionFindings } from "./findings.ts";

/** Whether a mistake, which replication copies as well, could be undone; null where no snapshots are configured. */
export function snapshots(
  name: RegionName,
  { snapshots: found }: RegionFindings,
  { nowMs }: PreflightFindings,
  config: WatchdogConfig,
): Check | null {
  if (config.snapshots === null || found === null) return null;
  const check = `snapshots of ${name}`;
  if ("error" in found) return unknown(check, found.error);
  const problem = snapshotProblem(name, found.value, nowMs, config.snapshots.maxAgeMs);
  if (problem !== null) return warn(check, problem, "see `GET /_slm/policy` there, and docs/snapshots.md");
  return ok(check, `the last one succeeded at ${time(found.value.lastSuccessAtMs ?? 0)} UTC`);
}
