import { spawn } from "node:child_process";
import type { NotifySettings } from "../../../config/applications.ts";
import { reasonOf } from "../../../util/files.ts";
import type { FileEndpoint } from "../../formats/format.ts";
import type { NotifyResult } from "./result.ts";

type CommandSettings = Extract<NotifySettings, { kind: "command" }>;

/** What is kept of a command's output for a message. */
const OUTPUT_KEPT = 400;

/** Runs a command with the endpoint in its environment. One that takes too long is ended with all it started. */
export function runCommand(
  { command: [program, ...args], timeoutMs }: CommandSettings,
  file: string,
  endpoint: FileEndpoint,
): Promise<NotifyResult> {
  return new Promise((resolve, reject) => {
    // A process group of its own, so that what it started ends with it.
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: environment(file, endpoint),
    });
    let output = "";
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-OUTPUT_KEPT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const failed = (reason: string) => {
      const said = output.trim() === "" ? "" : `: ${output.trim()}`;
      reject(new Error(`${program} ${reason}${said}`));
    };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child.pid);
    }, timeoutMs);
    child.once("error", (error) => {
      clearTimeout(timer);
      failed(`could not be started: ${reasonOf(error)}`);
    });
    // Not "close": a process that left the group may hold the pipes for ever.
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      if (late) failed(`did not end within ${timeoutMs} ms and was killed`);
      else if (code === 0) resolve({ notified: true });
      else failed(code === null ? `was ended by ${signal}` : `ended with status ${code}`);
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
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
