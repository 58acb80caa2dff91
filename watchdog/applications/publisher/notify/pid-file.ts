import { readFile } from "node:fs/promises";
import type { NotifySettings } from "../../../config/applications.ts";
import { errnoOf, reasonOf } from "../../../util/files.ts";
import { hangUp, type ProcessInfo, readProcess } from "../process.ts";
import type { NotifyResult } from "./result.ts";

type PidFileSettings = Extract<NotifySettings, { kind: "pid-file" }>;

/** SIGHUP to the process that a PID file names, once it is sure to be the right one and to survive it. */
export async function signalByPidFile({ pidFile, executable, processName }: PidFileSettings): Promise<NotifyResult> {
  const pid = await readPid(pidFile);
  // Started later, it reads the file as it is now; its PID file then shows that it may be told all the same.
  if (pid === null) return { notified: false, waitingFor: `${pidFile} is not there: the application does not run` };
  if ((await readProcess(pid)) === null) {
    return {
      notified: false,
      waitingFor: `${pidFile} names process ${pid}, which has ended: the application does not run`,
    };
  }
  await hangUp(pid, pidFile, (found) => otherProcess(found, { executable, processName }));
  return { notified: true };
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
  // 1 is the init system's, 0 and below are groups of processes.
  if (Number.isInteger(pid) && pid > 1) return pid;
  throw new Error(`${pidFile} holds no PID of an application but ${JSON.stringify(text.slice(0, 40))}`);
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
    return `the publisher may not see which program process ${pid} (${name}) runs; run it as that one's user`;
  }
  if (found.executable === executable) return null;
  return `process ${pid} runs ${found.executable}, not ${executable}; the PID file is out of date`;
}
