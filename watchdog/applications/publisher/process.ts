import { readFile, readlink } from "node:fs/promises";
import { constants } from "node:os";
import { errnoOf, reasonOf } from "../../util/files.ts";

/** What the kernel says of a process. */
export interface ProcessInfo {
  readonly pid: number;
  /** Its name, 15 characters at most: /proc/PID/comm. */
  readonly name: string;
  /** Path of its program, links resolved; null where this user may not see it. */
  readonly executable: string | null;
  readonly handlesSighup: boolean;
  readonly ignoresSighup: boolean;
}

/** null when there is no such process, or only its remains. */
export async function readProcess(pid: number): Promise<ProcessInfo | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
    if (field("State").startsWith("Z")) return null;
    return {
      pid,
      name: field("Name"),
      executable: await executableOf(pid),
      handlesSighup: hasSignal(field("SigCgt"), constants.signals.SIGHUP),
      ignoresSighup: hasSignal(field("SigIgn"), constants.signals.SIGHUP),
    };
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ESRCH") return null;
    throw new Error(`cannot look at process ${pid}: ${reasonOf(error)}`, { cause: error });
  }
}

/** A mask as in /proc/PID/status: hexadecimal, signal 1 is the lowest bit. */
export function hasSignal(mask: string, signal: number): boolean {
  if (!/^[0-9a-f]+$/i.test(mask)) return false;
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

async function executableOf(pid: number): Promise<string | null> {
  try {
    // A program that was replaced by a package upgrade still runs.
    return (await readlink(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, "");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ESRCH") throw error;
    return null;
  }
}

/** Sends SIGHUP to a process that handles it, and to no other: it ends one that does not. */
export async function hangUp(pid: number, who: string, check: (found: ProcessInfo) => string | null): Promise<void> {
  const found = await readProcess(pid);
  if (found === null) throw new Error(`${who}: process ${pid} has ended`);
  const objection = check(found) ?? signalObjection(found);
  if (objection !== null) throw new Error(`${who}: ${objection}: not signalled`);
  try {
    process.kill(pid, "SIGHUP");
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw new Error(`${who}: process ${pid}: ${reasonOf(error)}`, { cause: error });
    const user = process.geteuid?.() ?? "?";
    throw new Error(`${who}: the publisher (user ${user}) may not signal process ${pid}: run it as that one's user`);
  }
}

function signalObjection({ pid, name, handlesSighup, ignoresSighup }: ProcessInfo): string | null {
  if (handlesSighup) return null;
  return ignoresSighup
    ? `${name} (process ${pid}) ignores SIGHUP, so it would not notice; restart it, or let it watch the file`
    : `${name} (process ${pid}) has no handler for SIGHUP, which would end it; restart it, or let it watch the file`;
}
