import { randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { optionalText, texts } from "../protocol/inputs.ts";
import type { Call, ResourceType, Violation } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import { type ProcessOptions, type ProcessOutcome, runProcess } from "./process.ts";
import { derivedOutputs, environmentOf, lineLog, outputsOf, type Step, scriptFor, triggersReplace } from "./scripts.ts";

const refused = ["assetPaths", "archivePaths"] as const;

function violations(inputs: PropertyMap): Violation[] {
  return refused
    .filter((property) => inputs[property] !== undefined)
    .map((property) => ({ property, reason: "the lab's provider does not collect files" }));
}

/** Runs a script with /bin/sh from an unlinked file, so that a secret in it is not an argument. */
async function runShellScript(script: string, options: Omit<ProcessOptions, "stdio">): Promise<ProcessOutcome> {
  const directory = await mkdtemp(path.join(tmpdir(), "command-"));
  const file = path.join(directory, "script");
  await writeFile(file, script, { mode: 0o600 });
  const handle = await open(file);
  try {
    await rm(directory, { recursive: true });
    const stdio = ["pipe", "pipe", "pipe", handle.fd] as const;
    return await runProcess("/bin/sh", ["/dev/fd/3"], { ...options, stdio: [...stdio] });
  } finally {
    await handle.close();
  }
}

async function run(
  step: Step,
  inputs: PropertyMap,
  previous: PropertyMap | undefined,
  call: Call,
): Promise<PropertyMap> {
  const script = scriptFor(step, inputs);
  if (script === undefined) return { stdout: previous?.["stdout"] ?? "", stderr: previous?.["stderr"] ?? "" };
  const cwd = optionalText(inputs, "dir");
  const stdin = optionalText(inputs, "stdin");
  const options = {
    signal: call.signal,
    env: { ...process.env, ...environmentOf(inputs, previous) },
    ...(cwd === undefined ? {} : { cwd }),
    ...(stdin === undefined ? {} : { input: Readable.from([Buffer.from(stdin)]) }),
    onLine: lineLog(inputs, call),
  };
  const [interpreter, ...argv] = texts(inputs, "interpreter");
  const outcome =
    interpreter === undefined
      ? await runShellScript(script, options)
      : await runProcess(interpreter, [...argv, script], options);
  return outputsOf(inputs, step, "on this machine", outcome);
}

/** command:local:Command: scripts on the machine that runs the engine. */
export const localCommand: ResourceType = {
  derivedOutputs,
  fill: (inputs) => ({ addPreviousOutputInEnv: true, ...inputs }),
  violations,
  change: (change, _old, inputs) => triggersReplace(change, inputs),
  create: async (inputs, call) => {
    const outputs = await run("create", inputs, undefined, call);
    return { id: randomBytes(8).toString("hex"), outputs: { ...inputs, ...outputs } };
  },
  update: async (_id, old, inputs, call) => ({ ...inputs, ...(await run("update", inputs, old.outputs, call)) }),
  delete: async (_id, { outputs }, call) => {
    await run("delete", outputs, outputs, call);
  },
};
