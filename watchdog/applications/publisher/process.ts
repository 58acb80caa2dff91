import { readFile, readlink } from "node:fs/promises";
import { constants } from "node:os";
import { errnoOf, reasonOf } from "../../util/files.ts";

/** A process, by /proc. */
export interface ProcessInfo {
  readonly pid: number;
  /** /proc/PID/comm: at most 15 characters. */
  readonly name: string;
  /** Path of its program, links resolved; null if this user may not read it. */
  readonly executable: string | null;
  readonly handlesSighup: boolean;
  readonly ignoresSighup: boolean;
}

/** null for no process, or a zombie. */
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
    throw new Error(`cannot read process ${pid}: ${reasonOf(error)}`, { cause: error });
  }
}

/** @param mask as in /proc/PID/status: hexadecimal, signal 1 is the lowest bit */
export function hasSignal(mask: string, signal: number): boolean {
  if (!/^[0-9a-f]+$/i.test(mask)) return false;
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

async function executableOf(pid: number): Promise<string | null> {
  try {
    // A package upgrade deletes the program file while it runs.
    return (await readlink(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, "");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ESRCH") throw error;
    return null;
  }
}

/**
 * Sends SIGHUP, but only to a process that handles it: SIGHUP ends any other.
 *
 * @param source names the PID's source in errors: a PID file or a unit
 * @param check returns why the process must not be signalled; null: no reason
 * @throws Error when the process was not signalled
 */
export async function hangUp(pid: number, source: string, check: (found: ProcessInfo) => string | null): Promise<void> {
  const found = await readProcess(pid);
  if (found === null) throw new Error(`${source}: process ${pid} has ended`);
  const blocker = check(found) ?? signalBlocker(found);
  if (blocker !== null) throw new Error(`${source}: ${blocker}: not signalled`);
  try {
    process.kill(pid, "SIGHUP");
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw new Error(`${source}: process ${pid}: ${reasonOf(error)}`, { cause: error });
    const user = process.geteuid?.() ?? "?";
    throw new Error(
      `${source}: the publisher (user ${user}) may not signal process ${pid}: run it as the user of that process`,
    );
  }
}

function signalBlocker({ pid, name, handlesSighup, ignoresSighup }: ProcessInfo): string | null {
  if (handlesSighup) return null;
  return ignoresSighup
    ? `${name} (process ${pid}) ignores SIGHUP; restart it, or let it watch the file`
    : `${name} (process ${pid}) has no handler for SIGHUP, which would end it; restart it, or let it watch the file`;
}
