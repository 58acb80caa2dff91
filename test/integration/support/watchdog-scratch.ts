import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import path from "node:path";

/** Not os.tmpdir(): this is the only directory of this machine in HAProxy's root file system. */
const parent = "/tmp";
const prefix = "es-failover-watchdog-";

/** A new directory, named after this process so that the next run removes what a killed one left behind. */
export async function scratchDirectory(): Promise<string> {
  for (const entry of await readdir(parent)) {
    const pid = entry.startsWith(prefix) ? /^\d+/.exec(entry.slice(prefix.length))?.[0] : undefined;
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(path.join(parent, entry), { recursive: true, force: true });
    }
  }
  return mkdtemp(path.join(parent, `${prefix}${process.pid}-`));
}
