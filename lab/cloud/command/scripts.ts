import { optionalMap, optionalText } from "../protocol/inputs.ts";
import type { Call, Change, ResourceType } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import type { ProcessOutcome } from "./process.ts";

/** Parts that local and remote commands share. */

export type Step = "create" | "update" | "delete";

/** Characters of a failed script's output in the error, from its end, where the reason is. */
const maxErrorCharacters = 4_000;

/** The script of a step; an update without its own runs `create` again. */
export function scriptFor(step: Step, inputs: PropertyMap): string | undefined {
  const create = optionalText(inputs, "create");
  switch (step) {
    case "create":
      return create;
    case "update":
      return optionalText(inputs, "update") ?? create;
    case "delete":
      return optionalText(inputs, "delete");
    default:
      return step satisfies never;
  }
}

/** A changed trigger runs `update`; without an `update` it replaces the resource. */
export function triggersReplace(change: Change, inputs: PropertyMap): Change {
  const hasUpdate = (inputs["update"] ?? null) !== null;
  return change.changed.includes("triggers") && !hasUpdate ? { ...change, replaces: ["triggers"] } : change;
}

/** Environment of a script: the program's, and by default the previous outcome. */
export function environmentOf(inputs: PropertyMap, previous: PropertyMap | undefined): Record<string, string> {
  const given = Object.entries(optionalMap(inputs, "environment") ?? {}).map(([name, value]) => [name, String(value)]);
  if (inputs["addPreviousOutputInEnv"] === false || previous === undefined) return Object.fromEntries(given);
  const outputs = [
    ["PULUMI_COMMAND_STDOUT", optionalText(previous, "stdout") ?? ""],
    ["PULUMI_COMMAND_STDERR", optionalText(previous, "stderr") ?? ""],
  ].filter(([, value]) => value !== "");
  return Object.fromEntries([...given, ...outputs]);
}

function mayShow(inputs: PropertyMap, stream: "stdout" | "stderr"): boolean {
  const logging = optionalText(inputs, "logging") ?? "stdoutAndStderr";
  return logging === stream || logging === "stdoutAndStderr";
}

/** Logs a script's lines as they arrive, as far as `logging` allows. */
export function lineLog(inputs: PropertyMap, call: Call): (stream: "stdout" | "stderr", line: string) => void {
  return (stream, line) => {
    if (mayShow(inputs, stream)) call.log("info", line);
  };
}

/** Outputs of a successful script. @throws Error with the output of a failed one, without the script itself */
export function outputsOf(inputs: PropertyMap, step: Step, where: string, outcome: ProcessOutcome): PropertyMap {
  const { status, stdout, stderr } = outcome;
  if (status === 0) return { stdout, stderr };
  const shown = (["stdout", "stderr"] as const).filter((stream) => mayShow(inputs, stream));
  const output = shown.map((stream) => outcome[stream]).filter((text) => text !== "");
  const detail =
    output.length > 0 ? output.join("\n").slice(-maxErrorCharacters) : "(no output, or `logging` hides it)";
  throw new Error(`The ${step} script ended with status ${status} ${where}:\n${detail}`);
}

/** A script's output may contain any of these inputs, so it is secret when one of them is. */
export const derivedOutputs: NonNullable<ResourceType["derivedOutputs"]> = Object.fromEntries(
  ["stdout", "stderr"].map((output) => [output, ["create", "update", "delete", "stdin", "environment", "triggers"]]),
);
