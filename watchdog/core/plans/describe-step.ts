import { count } from "../../util/text.ts";
import type { PlanStep } from "../state/plan.ts";

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
      return step.policy === "delete"
        ? "delete the salvaged indices of the former primary"
        : "delete the salvaged indices that the active region has too, and close the others";
    default:
      throw new Error(`unknown step in ${JSON.stringify(step satisfies never)}`);
  }
}
