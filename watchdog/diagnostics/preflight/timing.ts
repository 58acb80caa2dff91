import { type Check, fail, ok } from "./check.ts";
import type { PreflightFindings } from "./findings.ts";

export function timing({ timingViolations }: PreflightFindings): Check {
  const check = "timing rules";
  if (timingViolations.length === 0) return ok(check, "met");
  return fail(check, timingViolations.join("; "), "correct the configuration: safe failover depends on these rules");
}
