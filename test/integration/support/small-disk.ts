import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const MOUNT = `mount -t tmpfs -o size=64k tmpfs "$1" && exec "$2" "$3" "$1"`;

/**
 * Runs a script of this directory for which `directory` is a disk of 64 kB, and reads the JSON that it prints. The disk is
 * a tmpfs in the script's own mount namespace, so nothing is left on this machine. Needs root.
 */
export async function onSmallDisk(script: string, directory: string): Promise<Record<string, unknown>> {
  const { stdout } = await run("unshare", [
    ...["--mount", "--propagation=private", "sh", "-c", MOUNT, "sh"],
    ...[directory, process.execPath, path.join(import.meta.dirname, script)],
  ]);
  return JSON.parse(stdout) as Record<string, unknown>;
}
