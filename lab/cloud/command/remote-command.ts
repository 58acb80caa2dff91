import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { optionalText } from "../protocol/inputs.ts";
import type { Call, ResourceType } from "../protocol/package.ts";
import type { PropertyMap } from "../protocol/values.ts";
import { connectionOf, connectionViolations } from "./connection.ts";
import { derivedOutputs, environmentOf, lineLog, outputsOf, type Step, scriptFor, triggersReplace } from "./scripts.ts";
import { withSshSession } from "./ssh.ts";

async function run(
  step: Step,
  inputs: PropertyMap,
  previous: PropertyMap | undefined,
  call: Call,
): Promise<PropertyMap> {
  const script = scriptFor(step, inputs);
  if (script === undefined) return { stdout: previous?.["stdout"] ?? "", stderr: previous?.["stderr"] ?? "" };
  const connection = connectionOf(inputs);
  const stdin = optionalText(inputs, "stdin");
  const outcome = await withSshSession(connection, call, (session) =>
    session.run(script, {
      // sshd passes only variables of its AcceptEnv to the script and silently drops the rest, as on a real host.
      env: environmentOf(inputs, previous),
      ...(stdin === undefined ? {} : { input: Readable.from([Buffer.from(stdin)]) }),
      onLine: lineLog(inputs, call),
    }),
  );
  return outputsOf(inputs, step, `on ${connection.host}`, outcome);
}

/** command:remote:Command: scripts on a host, run when the resource is created, changed or deleted. */
export const remoteCommand: ResourceType = {
  derivedOutputs,
  fill: (inputs) => ({ addPreviousOutputInEnv: true, ...inputs }),
  violations: connectionViolations,
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
