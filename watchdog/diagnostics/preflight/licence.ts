import type { RegionName } from "../../config/address.ts";
import { type Check, fail, ok, unknown, warn } from "./check.ts";
import type { RegionFindings } from "./findings.ts";

export function licence(name: RegionName, { readiness }: RegionFindings): Check {
  const check = `licence of ${name}`;
  if ("error" in readiness) return unknown(check, readiness.error);
  const { type, active, allowsCcr } = readiness.value.licence;
  if (!active) {
    return fail(check, `the ${type} licence is not active`, "renew it: without it no index can be followed");
  }
  if (!allowsCcr) {
    return fail(
      check,
      `a ${type} licence does not include cross-cluster replication`,
      "install a Platinum or Enterprise licence, or start the trial for a test",
    );
  }
  const advice = "it ends after 30 days, and replication with it: install a Platinum or Enterprise licence";
  return type === "trial" ? warn(check, "a trial licence", advice) : ok(check, `${type}, active`);
}
