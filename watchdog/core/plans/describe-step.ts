import { count, listed } from "../../util/text.ts";
import { leftOutBy, type Plan, type PlanStep, type StepOf, stepOf, targetsGivenUp } from "../state/plan.ts";
import { withReason } from "../state/record-fields.ts";

/** What a step does, in words. */
export function describeStep(step: PlanStep): string {
  switch (step.kind) {
    case "pause-auto-follow":
      return `pause ${count(step.patterns.length, "auto-follow pattern")}`;
    case "drain":
      return `wait up to ${step.timeoutMs} ms while replication still advances`;
    case "record-checkpoints":
      return `record the checkpoints of ${count(step.indices.length, "index", "indices")}`;
    case "pause-follow":
      return `pause-follow ${count(step.indices.length, "index", "indices")}${liftedWords(step)}`;
    case "close":
    case "unfollow":
    case "open":
    case "verify":
      return `${step.kind} ${count(step.indices.length, "index", "indices")}`;
    case "discard-copies":
      return `delete ${count(step.copies.length, "copy", "copies")}: ${discardedWords(step)}`;
    case "keep-blocks":
      return `block writes to ${listed(step.indices)} again, as the region that is left has it`;
    case "write-aliases":
      return [`set ${count(step.aliases.length, "write alias", "write aliases")}`, ...aliasWords(step)].join("; ");
    case "data-streams":
      return `promote ${count(step.dataStreams.length, "data stream")}`;
    case "block-writes":
      return `block writes to ${count(step.indices.length, "index", "indices")} of the region that is left`;
    case "catch-up":
      return `wait up to ${step.timeoutMs} ms until every shard has caught up with its leader`;
    case "lift-write-block":
      return `remove the write blocks of ${count(step.indices.length, "index", "indices")}`;
    case "fence":
      return "block writes to every managed index that the former primary does not follow";
    case "salvage":
      return step.report === null
        ? "export what the former primary has above the recorded checkpoints"
        : `exported ${count(step.report.operations, "operation")} to ${step.report.place}`;
    case "clear":
      return clearing[step.policy];
    default:
      throw new Error(`unknown step in ${JSON.stringify(step satisfies never)}`);
  }
}

const liftedWords = ({ lifted }: StepOf<"pause-follow">) =>
  lifted.length === 0 ? "" : `; lifted the write block that had come along with ${listed(lifted)}`;

function discardedWords({ copies, failures }: StepOf<"discard-copies">): string {
  const names = listed(copies.map(withReason));
  if (failures.length === 0) return names;
  return `${names}; still there: ${listed(failures.map(withReason))}`;
}

/** Aliases that do not write where they did in the old region. */
function aliasWords({ aliases, unset }: StepOf<"write-aliases">): readonly string[] {
  const moved = aliases
    .filter(({ insteadOf }) => insteadOf !== null)
    .map(({ alias, index, insteadOf }) => `${alias} writes to ${index}, because ${insteadOf} is left out`);
  return unset.length === 0 ? moved : [...moved, `no index is left for ${listed(unset)}`];
}

/** What is not in the new region as it was in the old one, as far as the plan knows. */
export function exceptionsOf(plan: Plan): readonly string[] {
  const leftOut = leftOutBy(plan).map(withReason);
  const aliases = stepOf(plan, "write-aliases");
  const kept = stepOf(plan, "keep-blocks")?.indices ?? [];
  const givenUp = targetsGivenUp(plan).map(withReason);
  return [
    ...(leftOut.length === 0 ? [] : [`left out: ${listed(leftOut)}`]),
    ...(aliases === null ? [] : aliasWords(aliases)),
    ...(givenUp.length === 0 ? [] : [`given up: ${listed(givenUp)}`]),
    ...(kept.length === 0 ? [] : [`write-blocked as before: ${listed(kept)}`]),
  ];
}

const clearing = {
  delete: "delete the salvaged indices of the former primary",
  keep: "delete the salvaged indices that the active region has too, and close the others",
  wait: "wait until an operator decides what is deleted of the former primary",
} as const;

/** What an operator may do about an index that the change to `to` left out, and of which it could read no checkpoint. */
export const unreadAdvice = (to: string, from: string) =>
  `if it lacks a primary with all nodes of ${to} back, delete it there; what ${from} has of it is salvaged as a whole`;
