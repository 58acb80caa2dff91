import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Runs `action` while holding an exclusive lock on `file`, against other processes too. The kernel holds it (flock), so
 * it ends with this process at the latest, however that ends.
 * @param timeoutMs how long to wait for the lock before failing
 */
export async function withLock<T>(file: string, timeoutMs: number, action: () => Promise<T>): Promise<T> {
  const waitSeconds = String(Math.ceil(timeoutMs / 1000));
  // The child holds the lock until its standard input ends, which happens when this process dies, as well.
  const holder = spawn("flock", ["--wait", waitSeconds, file, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
    // Out of reach of a Ctrl-C, after which this process may have to tidy up under the lock.
    detached: true,
  });
  const ended = once(holder, "close");
  const held = once(holder.stdout, "data").then(() => "held");
  const gaveUp = ended.then(([code]) => (code === 1 ? "busy" : "failed"));
  const outcome = await Promise.race([held, gaveUp]);
  if (outcome === "busy") throw new Error(`Another process has held ${file} for more than ${timeoutMs} ms.`);
  if (outcome === "failed") throw new Error(`Cannot lock ${file}: is its directory there?`);
  try {
    return await action();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
