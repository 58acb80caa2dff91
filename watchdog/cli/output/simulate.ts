import type { SimulatedStep } from "../../core/forecast.ts";
import type { SimulatedOutcome } from "../../core/simulate.ts";
import { duration, section, table, time } from "../../util/text.ts";

export function formatSteps(steps: readonly SimulatedStep[]): string {
  if (steps.length === 0) return "The file contains no situation.";
  return table([
    ["TIME (UTC)", "STATE", "RULE", "WHY"],
    ...steps.map(({ atMs, rule, explanation, ...state }) => [time(atMs), stateOf(state), rule, explanation]),
  ]);
}

export function formatOutcome({ assumed, startedAtMs, steps, plan }: SimulatedOutcome): string {
  return [
    `Assumed: ${assumed.join(" ")}`,
    section(
      "Decisions, and when at the latest",
      steps.map(({ atMs, rule, explanation, ...state }) => [
        `+${duration(atMs - startedAtMs)}`,
        stateOf(state),
        rule,
        explanation,
      ]),
    ),
    section(
      "Plan to execute then",
      plan.map((step, n) => [`${n + 1}.`, step]),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

const stateOf = ({ before, after }: Pick<SimulatedStep, "before" | "after">): string =>
  after === null ? before : `${before} -> ${after}`;
