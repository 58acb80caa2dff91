import type { NotifySettings } from "../../../config/published-files.ts";
import { runProgram } from "../../../util/run-program.ts";
import type { FileEndpoint } from "../../formats/format.ts";
import type { NotifyResult } from "./result.ts";

type CommandSettings = Extract<NotifySettings, { kind: "command" }>;

/** Runs a command with the endpoint in its environment. */
export async function runCommand(
  { command, timeoutMs, confirms }: CommandSettings,
  file: string,
  endpoint: FileEndpoint,
): Promise<NotifyResult> {
  await runProgram({ command: [...command], timeoutMs, env: endpointEnvironment(file, endpoint) });
  return { notified: true, confirmed: confirms };
}

/** The endpoint as programs of the publisher get it. */
export function endpointEnvironment(
  file: string,
  { host, port, region, epoch, caPath }: FileEndpoint,
): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ELASTICSEARCH_FILE: file,
    ELASTICSEARCH_HOST: host,
    ELASTICSEARCH_PORT: String(port),
    ELASTICSEARCH_REGION: region,
    ELASTICSEARCH_EPOCH: String(epoch),
    ...(caPath === undefined ? {} : { ELASTICSEARCH_CA_PATH: caPath }),
  };
}
