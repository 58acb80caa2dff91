import { optionalMap, optionalText } from "../protocol/inputs.ts";
import type { Call, Change, ResourceType } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import type { ProcessOutcome } from "./process.ts";

/** What both kinds of commands, local and remote, have in common. */

export type Step = "create" | "update" | "delete";

/** Most of a failed script's output that goes into the error: the end of it, where the reason stands. */
const maxErrorCharacters = 4_000;

/** The script for a step; an update without one of its own runs `create` again. */
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

/** A changed trigger runs `update` where there is one, and otherwise makes the resource anew. */
export function triggersReplace(change: Change, inputs: PropertyMap): Change {
  const hasUpdate = (inputs["update"] ?? null) !== null;
  return change.changed.includes("triggers") && !hasUpdate ? { ...change, replaces: ["triggers"] } : change;
}

/** Environment of a script: what the program gave, and the previous outcome where that is asked for (the default). */
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

/** Shows a script's lines as they come, as far as `logging` allows. */
export function lineLog(inputs: PropertyMap, call: Call): (stream: "stdout" | "stderr", line: string) => void {
  return (stream, line) => {
    if (mayShow(inputs, stream)) call.log("info", line);
  };
}

/** The outputs of a script that succeeded. A failed one is an error that shows its output, but never the script. */
export function outputsOf(inputs: PropertyMap, step: Step, where: string, outcome: ProcessOutcome): PropertyMap {
  const { status, stdout, stderr } = outcome;
  if (status === 0) return { stdout, stderr };
  const shown = (["stdout", "stderr"] as const).filter((stream) => mayShow(inputs, stream));
  const output = shown.map((stream) => outcome[stream]).filter((text) => text !== "");
  const detail = output.length > 0 ? output.join("\n").slice(-maxErrorCharacters) : "(no output that may be shown)";
  throw new Error(`The ${step} script ended with status ${status} ${where}:\n${detail}`);
}

/** Inputs that a script can show in its output; when one of them is secret, so is the output. */
export const derivedOutputs: NonNullable<ResourceType["derivedOutputs"]> = Object.fromEntries(
  ["stdout", "stderr"].map((output) => [output, ["create", "update", "delete", "stdin", "environment", "triggers"]]),
);
