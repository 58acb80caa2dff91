import type { PlanStep } from "../state/plan.ts";

/** What a step works on, for people. */
export function describeStep(step: PlanStep): string {
  switch (step.kind) {
    case "pause-auto-follow":
      return `pause ${count(step.patterns.length, "auto-follow pattern")}`;
    case "drain":
      return `wait up to ${step.timeoutMs} ms for replication that still advances`;
    case "record-checkpoints":
      return `record the checkpoints of ${count(step.indices.length, "index", "indices")}`;
    case "pause-follow":
    case "close":
    case "unfollow":
    case "open":
    case "verify":
      return `${step.kind} ${count(step.indices.length, "index", "indices")}`;
    case "write-aliases":
      return `set ${count(step.aliases.length, "write alias", "write aliases")}`;
    case "data-streams":
      return `promote and roll over ${count(step.dataStreams.length, "data stream")}`;
    case "block-writes":
      return `block writes to ${count(step.indices.length, "index", "indices")} of the region that is left`;
    case "catch-up":
      return `wait up to ${step.timeoutMs} ms until every shard has reached its leader`;
    case "lift-write-block":
      return `take the write blocks off ${count(step.indices.length, "index", "indices")}`;
    case "fence":
      return "block writes to every managed index that the former primary holds of its own";
    case "salvage":
      return step.report === null
        ? "bring to safety what the former primary holds above the recorded checkpoints"
        : `brought ${count(step.report.operations, "operation")} to safety in ${step.report.place}`;
    case "clear":
      return step.policy === "delete"
        ? "delete the salvaged indices of the former primary"
        : "delete the salvaged indices that the active region has too, and set the others aside";
    default:
      throw new Error(`unknown step in ${JSON.stringify(step satisfies never)}`);
  }
}

const count = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
