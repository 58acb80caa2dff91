import { describeStep } from "../plans/describe-step.ts";
import { currentStep, type Plan } from "../state/plan.ts";

/** The current step of a plan in words: "step 3 of 10: close 2 indices; last attempt failed: ..." */
export function progressOf(plan: Plan): string {
  const step = currentStep(plan);
  if (step === null) return "every step is done";
  const position = `step ${plan.steps.indexOf(step) + 1} of ${plan.steps.length}`;
  return `${position}: ${describeStep(step)}${step.error === null ? "" : `; last attempt failed: ${step.error}`}`;
}
