import { execFile } from "node:child_process";
import { readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { withFileLock } from "../../util/file-lock.ts";
import { errnoOf, syncDirectory, writeFileAtomically } from "../../util/files.ts";
import { unavailableBinds } from "./binds.ts";
import { parseProcesses, parseReload } from "./replies.ts";
import { HaproxyError, haproxyProcess, sendCommand } from "./runtime-api.ts";

const TIMEOUT_MS = 30_000;

export interface ApplyOptions {
  /** The configuration to install. */
  readonly newFile: string;
  /** The file that HAProxy reads. Its owner and mode are kept; when it is missing, those of `newFile` are used. */
  readonly configFile: string;
  readonly masterSocket: string;
  readonly adminSocket: string;
  /** Program and leading arguments that run HAProxy to check a configuration. Default `["/usr/sbin/haproxy"]`. */
  readonly haproxyCommand?: readonly [program: string, ...arguments_: string[]];
  /** Bound on the check and on a reload, milliseconds each. Default 30 000: a reload waits for the new worker. */
  readonly timeoutMs?: number;
}

/**
 * unchanged: the file had this content already; reloaded: HAProxy runs with it; installed: HAProxy is not running, and
 * will start with it.
 */
export type ApplyOutcome = "unchanged" | "reloaded" | "installed";

/**
 * Replaces HAProxy's configuration and reloads HAProxy (never restarts it). The new configuration is checked before it is
 * installed; when HAProxy fails to reload all the same, the old one is restored and reloaded.
 *
 * The old configuration is in `<configFile>.rollback` from before the replacement until HAProxy runs with the new one,
 * then in `<configFile>.previous`. So an existing `.rollback` was left by an interrupted run: this run completes it, and
 * rolls back to that file if it has to.
 *
 * @throws Error that gives the reason, and the configuration that HAProxy runs with
 */
export function applyHaproxyConfiguration(options: ApplyOptions): Promise<ApplyOutcome> {
  return withFileLock(`${options.configFile}.lock`, async () => {
    const { configFile } = options;
    const rollbackFile = `${configFile}.rollback`;
    const interrupted = (await readIfThere(rollbackFile)) !== null;
    const content = await readFile(options.newFile, "utf8");
    const present = await readIfThere(configFile);
    if (present === content && !interrupted) return "unchanged";

    const running = await currentWorker(options);
    if (running !== null) await assertBindsAvailable(options.newFile, content, present ?? "");
    await install(options, content, present !== null && !interrupted ? present : null);
    const failure = running === null ? null : await reload(options, running);
    if (failure === null) {
      if (present !== null) await rename(rollbackFile, `${configFile}.previous`);
      return running === null ? "installed" : "reloaded";
    }
    if (present === null)
      throw new Error(`HAProxy failed to load ${configFile}, and there is no earlier configuration: ${failure}`);
    await rename(rollbackFile, configFile);
    await syncDirectory(path.dirname(configFile));
    throw new Error(
      `HAProxy failed to load the new configuration: ${failure}\n` +
        `The old one is restored in ${configFile}, and ${await rollBack(options)}.`,
    );
  });
}

/** Reloads HAProxy with the restored configuration; returns the outcome as a clause. */
async function rollBack(options: ApplyOptions): Promise<string> {
  const running = await currentWorker(options).catch(() => null);
  if (running === null) return "HAProxy has ended: start it, unless its service does so";
  const failure = await reload(options, running);
  return failure === null
    ? "HAProxy runs with it"
    : `reloading it failed as well (${failure}); see \`journalctl -u haproxy\``;
}

async function assertBindsAvailable(newFile: string, next: string, present: string): Promise<void> {
  const problems = await unavailableBinds(next, present);
  if (problems.length > 0) {
    throw new Error(`${newFile} is not installed, because HAProxy could not listen:\n${problems.join("\n")}`);
  }
}

/** @param backup the present content, to keep for a rollback; null when there is none, or it is kept already */
async function install(options: ApplyOptions, content: string, backup: string | null): Promise<void> {
  const { configFile } = options;
  // The file holds the check user's credentials, so its readers stay those of the present one.
  const { mode, uid, gid } = await stat(configFile).catch(() => stat(options.newFile));
  const attributes = { mode: mode & 0o777, owner: { uid, gid } };
  const candidate = path.join(path.dirname(configFile), `.${path.basename(configFile)}.candidate`);
  try {
    await writeFileAtomically(candidate, content, attributes);
    await check(options, candidate);
    if (backup !== null) await writeFileAtomically(`${configFile}.rollback`, backup, attributes);
    await rename(candidate, configFile);
    await syncDirectory(path.dirname(configFile));
  } finally {
    await rm(candidate, { force: true });
  }
}

function check(options: ApplyOptions, candidate: string): Promise<void> {
  const [program, ...leading] = options.haproxyCommand ?? ["/usr/sbin/haproxy"];
  const timeout = options.timeoutMs ?? TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    execFile(program, [...leading, "-c", "-f", candidate], { timeout }, (error, stdout, stderr) => {
      if (error === null) return resolve();
      const output = `${stdout}${stderr}`.trim().replaceAll(candidate, options.newFile);
      const reason = output === "" ? error.message : output;
      reject(new Error(`${options.newFile} is not installed, because HAProxy rejects it:\n${reason}`));
    });
  });
}

/** Process id of the present worker; null when HAProxy is not running. */
async function currentWorker({ masterSocket, timeoutMs = TIMEOUT_MS }: ApplyOptions): Promise<number | null> {
  try {
    return parseProcesses(await sendCommand(masterSocket, "show proc", timeoutMs)).current;
  } catch (error) {
    if (error instanceof HaproxyError && error.notRunning) return null;
    throw error;
  }
}

/** Returns null when a new worker runs, else the reason. */
async function reload(options: ApplyOptions, formerWorker: number): Promise<string | null> {
  const { masterSocket, adminSocket, timeoutMs = TIMEOUT_MS } = options;
  try {
    const { succeeded, messages } = parseReload(await sendCommand(masterSocket, "reload", timeoutMs));
    if (!succeeded) return messages === "" ? "the master gave no reason" : messages;
    // Success means that the worker was started; it may still end on its chroot or its user.
    const worker = await currentWorker(options);
    if (worker === null || worker === formerWorker) return `no new worker took over. ${messages}`;
    await haproxyProcess(adminSocket, timeoutMs).ask("show info");
    return null;
  } catch (error) {
    if (error instanceof HaproxyError) return error.message;
    throw error;
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}
