import { readFile } from "node:fs/promises";
import type { NotifySettings } from "../../../config/published-files.ts";
import { errnoOf, reasonOf } from "../../../util/files.ts";
import { hangUp, type ProcessInfo, readProcess } from "../process.ts";
import type { NotifyResult } from "./result.ts";

type PidFileSettings = Extract<NotifySettings, { kind: "pid-file" }>;

/** Sends SIGHUP to the process in a PID file, if it is the expected program and handles the signal. */
export async function signalByPidFile({ pidFile, executable, processName }: PidFileSettings): Promise<NotifyResult> {
  const pid = await readPid(pidFile);
  // An application that starts later reads the current file. It is notified all the same once its PID file exists.
  if (pid === null) return { notified: false, waitingFor: `${pidFile} does not exist: the application is not running` };
  if ((await readProcess(pid)) === null) {
    return {
      notified: false,
      waitingFor: `${pidFile} names process ${pid}, which has ended: the application is not running`,
    };
  }
  await hangUp(pid, pidFile, (found) => otherProcess(found, { executable, processName }));
  return { notified: true, confirmed: false };
}

async function readPid(pidFile: string): Promise<number | null> {
  let text: string;
  try {
    text = await readFile(pidFile, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw new Error(`cannot read ${pidFile}: ${reasonOf(error)}`, { cause: error });
  }
  const pid = Number(/^\s*(\d{1,9})\s*$/.exec(text)?.[1] ?? Number.NaN);
  // 1 is the init system; 0 and negative numbers are process groups.
  if (Number.isInteger(pid) && pid > 1) return pid;
  throw new Error(`${pidFile} contains no PID of an application: ${JSON.stringify(text.slice(0, 40))}`);
}

function otherProcess(
  found: ProcessInfo,
  { executable, processName }: Pick<PidFileSettings, "executable" | "processName">,
): string | null {
  const { pid, name } = found;
  if (processName !== null && name !== processName) {
    return `process ${pid} is ${name}, not ${processName}; the PID file is out of date`;
  }
  if (executable === null) return null;
  if (found.executable === null) {
    return `the publisher may not read which program process ${pid} (${name}) runs; run it as the user of that process`;
  }
  if (found.executable === executable) return null;
  return `process ${pid} runs ${found.executable}, not ${executable}; the PID file is out of date`;
}
