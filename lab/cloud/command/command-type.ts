import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { optionalText } from "../protocol/inputs.ts";
import type { Call, ResourceType, Violation } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import type { ProcessOptions, ProcessOutcome } from "./process.ts";
import { environmentOf, lineLog, outputsOf, type Step, scriptFor, triggersReplace } from "./scripts.ts";

/** Where a command's scripts run. */
export interface ScriptRunner {
  /** Rules for the inputs beyond the schema. */
  violations(inputs: PropertyMap): readonly Violation[];
  run(script: string, inputs: PropertyMap, options: ScriptOptions, call: Call): Promise<ProcessOutcome>;
}

export type ScriptOptions = Pick<ProcessOptions, "input" | "onLine"> & { readonly env: Record<string, string> };

/** A resource type whose scripts run when the resource is created, changed or deleted. */
export function commandType(runner: ScriptRunner): ResourceType {
  /** Without a script for the step the previous outputs stay. */
  const runStep = async (step: Step, inputs: PropertyMap, previous: PropertyMap | undefined, call: Call) => {
    const script = scriptFor(step, inputs);
    if (script === undefined) return { stdout: previous?.["stdout"] ?? "", stderr: previous?.["stderr"] ?? "" };
    const stdin = optionalText(inputs, "stdin");
    const options: ScriptOptions = {
      env: environmentOf(inputs, previous),
      onLine: lineLog(inputs, call),
      ...(stdin === undefined ? {} : { input: Readable.from([Buffer.from(stdin)]) }),
    };
    return outputsOf(script, await runner.run(script, inputs, options, call));
  };
  return {
    fill: (inputs) => ({ addPreviousOutputInEnv: true, ...inputs }),
    violations: (inputs) => runner.violations(inputs),
    change: triggersReplace,
    create: async (inputs, call) => {
      const outputs = await runStep("create", inputs, undefined, call);
      return { id: randomBytes(8).toString("hex"), outputs: { ...inputs, ...outputs } };
    },
    update: async (_id, old, inputs, call) => ({ ...inputs, ...(await runStep("update", inputs, old.outputs, call)) }),
    delete: async (_id, { outputs }, call) => {
      await runStep("delete", outputs, outputs, call);
    },
  };
}
