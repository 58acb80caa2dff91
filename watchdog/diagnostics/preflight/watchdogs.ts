import type { WatchdogConfig } from "../../config/schema.ts";
import { type Check, fail, ok, warn } from "./check.ts";
import type { PreflightFindings } from "./findings.ts";

/** Whether every site has a watchdog that reports: an automatic failover needs a majority of them. */
export function watchdogs({ sites, storeMembers }: PreflightFindings, { regions, site }: WatchdogConfig): Check {
  const check = "watchdogs";
  if (storeMembers === null) return ok(check, `one, in ${site}: it decides alone`);
  if (sites === null) {
    return warn(check, "no watchdog runs on this host to ask about the others", "start es-failover.service");
  }
  const expected = [...Object.keys(regions), "witness"];
  const silent = expected.filter((name) => !sites.includes(name));
  if (silent.length === 0) return ok(check, `${expected.join(", ")} report`);
  const found = `no report from ${silent.join(" and ")}`;
  const advice = `start es-failover.service there: a failover needs a majority of ${expected.join(", ")}`;
  return silent.length > 1 ? fail(check, found, advice) : warn(check, found, advice);
}
