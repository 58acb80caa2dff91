import { spawn } from "node:child_process";
import { type FileHandle, open } from "node:fs/promises";
import { reasonOf } from "./files.ts";

/**
 * Runs a task under an exclusive lock. The kernel releases it when the process ends, so there are no stale locks. Node has
 * no flock(2), so flock(1) takes the lock on a file that it shares with this process: the lock belongs to the open file
 * and outlives the program that took it.
 *
 * @param waitMs how long to wait for another holder; default 10 000
 * @throws Error that names the lock file when another process holds it, or when it cannot be created
 */
export async function withFileLock<T>(file: string, task: () => Promise<T>, waitMs = 10_000): Promise<T> {
  let handle: FileHandle;
  try {
    handle = await open(file, "a", 0o640);
  } catch (error) {
    throw new Error(`cannot lock ${file}: ${reasonOf(error)}`, { cause: error });
  }
  try {
    await lock(handle.fd, file, waitMs);
    return await task();
  } finally {
    await handle.close();
  }
}

const LOCK_FD = 3;

function lock(fd: number, file: string, waitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const seconds = (waitMs / 1000).toFixed(3);
    const child = spawn("flock", ["--exclusive", "--timeout", seconds, String(LOCK_FD)], {
      stdio: ["ignore", "ignore", "pipe", fd],
    });
    let output = "";
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
    child.on("error", (error) => reject(new Error(`cannot lock ${file}: cannot run flock: ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) resolve();
      else if (output === "") reject(new Error(`cannot lock ${file}: another process held it for ${waitMs} ms`));
      else reject(new Error(`cannot lock ${file}: ${output.trim()}`));
    });
  });
}
