import { optionalMap, optionalText } from "../protocol/inputs.ts";
import type { Call, Change } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import type { ProcessOutcome } from "./process.ts";

/** Parts that local and remote commands share. */

export type Step = "create" | "update" | "delete";

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

/**
 * A changed trigger replaces the resource, also where it has an `update`: `@pulumi/command` asks for replacement on
 * `triggers[*]` (pulumi-command issue 189). So `create` runs again.
 */
export function triggersReplace(change: Change): Change {
  return change.changed.includes("triggers") ? { ...change, replaces: ["triggers"] } : change;
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

/** The buffer of the real provider's line scanner: Go's bufio.MaxScanTokenSize. */
const LINE_MAX_BYTES = 64 * 1024;

/**
 * Logs a script's lines as they arrive, as far as `logging` allows.
 *
 * @throws Error for a line that is too long: there the real provider stops to read and hangs for ever
 */
export function lineLog(inputs: PropertyMap, call: Call): (stream: "stdout" | "stderr", line: string) => void {
  return (stream, line) => {
    if (!mayShow(inputs, stream)) return;
    if (Buffer.byteLength(line) >= LINE_MAX_BYTES) {
      throw new Error(`a logged line of ${Buffer.byteLength(line)} bytes: the real provider hangs at one of 64 KiB`);
    }
    call.log("info", line);
  };
}

/**
 * Outputs of a successful script. The state has them as they are, also where an input is secret: a script must not
 * print what is.
 *
 * @throws Error with the script and all output of a failed one, whatever `logging` allows
 */
export function outputsOf(script: string, { status, stdout, stderr }: ProcessOutcome): PropertyMap {
  if (status === 0) return { stdout, stderr };
  const ended =
    status < 0
      ? "wait: remote command exited without exit status or exit signal"
      : `Process exited with status ${status}`;
  const output = [stdout, stderr].filter((text) => text !== "");
  throw new Error([`${ended}: running ${JSON.stringify(script)}:`, ...output].join("\n"));
}
