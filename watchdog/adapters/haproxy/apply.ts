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
  /** The configuration to put in place. */
  readonly newFile: string;
  /** The one that HAProxy reads. Its owner and mode are kept; the first one takes those of `newFile`. */
  readonly configFile: string;
  readonly masterSocket: string;
  readonly adminSocket: string;
  /** Program and leading arguments that run HAProxy to check a configuration. Default `["/usr/sbin/haproxy"]`. */
  readonly haproxyCommand?: readonly [program: string, ...arguments_: string[]];
  /** Bound on the check and on a reload, milliseconds each. Default 30 000: a reload waits for the new worker. */
  readonly timeoutMs?: number;
}

/**
 * unchanged: it was in place already; reloaded: HAProxy serves by it; installed: it is in place, and HAProxy, which is
 * not running, will start from it.
 */
export type ApplyOutcome = "unchanged" | "reloaded" | "installed";

/**
 * Replaces HAProxy's configuration and has HAProxy take it over (reload, never restart). The new one is checked before
 * it is put in place; when HAProxy does not come up with it all the same, the old one is put back and reloaded.
 *
 * The old configuration lies in `<configFile>.rollback` from before the replacement until HAProxy serves by the new
 * one, then in `<configFile>.previous`. So a `.rollback` that is found was left by an interrupted run: this run
 * finishes it, and goes back to that very file when it has to.
 *
 * @throws Error that says what was wrong, and by which configuration HAProxy now serves
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
    if (running !== null) await demandFreeBinds(options.newFile, content, present ?? "");
    await putInPlace(options, content, present !== null && !interrupted ? present : null);
    const failure = running === null ? null : await takeOver(options, running);
    if (failure === null) {
      if (present !== null) await rename(rollbackFile, `${configFile}.previous`);
      return running === null ? "installed" : "reloaded";
    }
    if (present === null) throw new Error(`HAProxy did not come up with ${configFile}, its first one: ${failure}`);
    await rename(rollbackFile, configFile);
    await syncDirectory(path.dirname(configFile));
    throw new Error(
      `HAProxy did not come up with the new configuration: ${failure}\n` +
        `The old one is back in ${configFile}, and ${await goBack(options)}.`,
    );
  });
}

/** Has HAProxy serve by the configuration that was put back; says, as half a sentence, how that went. */
async function goBack(options: ApplyOptions): Promise<string> {
  const running = await currentWorker(options).catch(() => null);
  if (running === null) return "HAProxy, which ended, has to be started with it where its service does not do so";
  const failure = await takeOver(options, running);
  return failure === null
    ? "HAProxy serves by it"
    : `the reload to it failed as well (${failure}); see what \`journalctl -u haproxy\` says`;
}

async function demandFreeBinds(newFile: string, next: string, present: string): Promise<void> {
  const problems = await unavailableBinds(next, present);
  if (problems.length > 0) {
    throw new Error(`${newFile} is not put in place, as HAProxy could not listen by it:\n${problems.join("\n")}`);
  }
}

/** @param backup the present content, to be kept for a rollback; null when there is none or it is kept already */
async function putInPlace(options: ApplyOptions, content: string, backup: string | null): Promise<void> {
  const { configFile } = options;
  // The present file decides who may read it: it holds the check user's credentials.
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
      const said = `${stdout}${stderr}`.trim().replaceAll(candidate, options.newFile);
      const reason = said === "" ? error.message : said;
      reject(new Error(`${options.newFile} is not put in place, as HAProxy refuses it:\n${reason}`));
    });
  });
}

/** The worker that serves at present; null when HAProxy does not run. */
async function currentWorker({ masterSocket, timeoutMs = TIMEOUT_MS }: ApplyOptions): Promise<number | null> {
  try {
    return parseProcesses(await sendCommand(masterSocket, "show proc", timeoutMs)).current;
  } catch (error) {
    if (error instanceof HaproxyError && error.notRunning) return null;
    throw error;
  }
}

/** Reloads. Returns null when a new worker serves, else what went wrong. */
async function takeOver(options: ApplyOptions, formerWorker: number): Promise<string | null> {
  const { masterSocket, adminSocket, timeoutMs = TIMEOUT_MS } = options;
  try {
    const { succeeded, messages } = parseReload(await sendCommand(masterSocket, "reload", timeoutMs));
    if (!succeeded) return messages === "" ? "the master gave no reason" : messages;
    // Success means that the worker was started, not that it lived: it may end on its chroot or its user.
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
