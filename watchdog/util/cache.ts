import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

/** Where results that are slow to make are kept, outside any checkout. `ES_FAILOVER_CACHE` overrides it. */
export const cacheRoot: string =
  process.env["ES_FAILOVER_CACHE"] ??
  path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "es-failover");

/** The final place of a cached result. A change of `key` (a version, a hash of the inputs) makes it anew. */
export function cachePath(name: string, key: string): string {
  return path.join(cacheRoot, name, key);
}

export function isCached(name: string, key: string): boolean {
  return existsSync(cachePath(name, key));
}

/**
 * Makes a directory once: `build` fills a scratch directory beside the final place, which is then renamed. An
 * interrupted build leaves only scratch behind, and the next build sweeps it away. Two builds at a time are harmless:
 * the one that ends last discards its own result.
 */
export async function cachedDirectory(
  name: string,
  key: string,
  build: (scratch: string) => Promise<void>,
): Promise<string> {
  const target = cachePath(name, key);
  if (existsSync(target)) return target;
  const parent = path.dirname(target);
  await mkdir(parent, { recursive: true });
  await sweepScratch(parent);
  const scratch = await mkdtemp(path.join(parent, `.scratch-${process.pid}-`));
  try {
    await build(scratch);
    await rename(scratch, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return target;
}

/** Removes what builds left behind that did not live to clean up after themselves. */
async function sweepScratch(parent: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    const pid = /^\.scratch-(\d+)-/.exec(entry)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(path.join(parent, entry), { recursive: true, force: true });
    }
  }
}
