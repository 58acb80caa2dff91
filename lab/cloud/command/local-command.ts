import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { optionalText, texts } from "../protocol/inputs.ts";
import type { ResourceType, Violation } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import { commandType } from "./command-type.ts";
import { type ProcessOptions, type ProcessOutcome, runProcess } from "./process.ts";

const refused = ["assetPaths", "archivePaths"] as const;

function violations(inputs: PropertyMap): readonly Violation[] {
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

/** command:local:Command: scripts on the machine that runs the engine. */
export const localCommand: ResourceType = commandType({
  violations,
  run: async (script, inputs, options, call) => {
    const cwd = optionalText(inputs, "dir");
    const processOptions = {
      ...options,
      signal: call.signal,
      env: { ...process.env, ...options.env },
      ...(cwd === undefined ? {} : { cwd }),
    };
    const [interpreter, ...argv] = texts(inputs, "interpreter");
    return interpreter === undefined
      ? runShellScript(script, processOptions)
      : runProcess(interpreter, [...argv, script], processOptions);
  },
});
