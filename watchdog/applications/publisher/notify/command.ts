import { spawn } from "node:child_process";
import type { NotifySettings } from "../../../config/applications.ts";
import { reasonOf } from "../../../util/files.ts";
import type { FileEndpoint } from "../../formats/format.ts";
import type { NotifyResult } from "./result.ts";

type CommandSettings = Extract<NotifySettings, { kind: "command" }>;

/** Characters of output in an error message. */
const MAX_OUTPUT = 400;

/** Runs a command with the endpoint in its environment. Kills it with its whole process group after the timeout. */
export function runCommand(
  { command: [program, ...args], timeoutMs }: CommandSettings,
  file: string,
  endpoint: FileEndpoint,
): Promise<NotifyResult> {
  return new Promise((resolve, reject) => {
    // Its own process group, so that everything it starts can be killed with it.
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: environment(file, endpoint),
    });
    let output = "";
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-MAX_OUTPUT);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const failed = (reason: string) => {
      const detail = output.trim() === "" ? "" : `: ${output.trim()}`;
      reject(new Error(`${program} ${reason}${detail}`));
    };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, timeoutMs);
    child.once("error", (error) => {
      clearTimeout(timer);
      failed(`cannot be started: ${reasonOf(error)}`);
    });
    // Not "close": a process that left the group may keep the pipes open for ever.
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      if (timedOut) failed(`did not end within ${timeoutMs} ms and was killed`);
      else if (code === 0) resolve({ notified: true });
      else failed(code === null ? `was ended by ${signal}` : `ended with status ${code}`);
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function environment(file: string, { host, port, region, epoch, caPath }: FileEndpoint): NodeJS.ProcessEnv {
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
