import { currentStep } from "../state/plan.ts";
import type { ClosingRecord, PromotingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { majoritySees } from "./conditions/majority.ts";
import { writePause } from "./conditions/plan.ts";

/** Why a switchover ends without a change: see `switchoverHopeless`. */
export function hopelessBecause(s: Situation<ClosingRecord | PromotingRecord>): string {
  const { record, seen } = s;
  const lost = [record.from, record.to].filter((region) => majoritySees(s, region, "unhealthy") === null);
  if (lost.length > 0) return lost.map((region) => `${region} is unhealthy: ${seen.health[region]?.reason}`).join("; ");
  const step = record.phase === "promoting" ? currentStep(record.plan) : null;
  const pause = `writes have been stopped for ${writePause(s)}`;
  return step?.error ? `${pause}; ${step.error}` : pause;
}
