import { describeStep } from "../plans/describe-step.ts";
import { plannedOf } from "../plans/planned.ts";
import { currentStep } from "../state/plan.ts";
import type { ServingRecord } from "../state/record.ts";

/** What a plan is doing now, for the explanations of rules that carry it on. */
export function progress(record: ServingRecord, what: string): string {
  const plan = plannedOf(record)?.plan;
  const step = plan === undefined ? null : currentStep(plan);
  if (step === null) return `${what}: done`;
  return `${what}: ${describeStep(step)}${step.error === null ? "" : `; last attempt failed: ${step.error}`}`;
}
