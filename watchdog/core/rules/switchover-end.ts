import { currentStep } from "../state/plan.ts";
import type { ClosingRecord, PromotingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { majoritySees } from "./conditions/majority.ts";

/** Why a switchover is not gone on with. */
export function hopelessBecause(s: Situation<ClosingRecord | PromotingRecord>): string {
  const { record, seen, nowMs } = s;
  const lost = [record.from, record.to].filter((region) => majoritySees(s, region, "unhealthy") === null);
  if (lost.length > 0) return lost.map((region) => `${region} is unhealthy: ${seen.health[region]?.reason}`).join("; ");
  const step = record.phase === "promoting" ? currentStep(record.plan) : null;
  const waited = `writers have waited for ${Math.round((nowMs - record.startedAtMs) / 1000)} s`;
  return step?.error ? `${waited}; ${step.error}` : waited;
}
