import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

/** Directory of cached build results, outside any checkout. `ES_FAILOVER_CACHE` overrides it. */
export const cacheRoot: string =
  process.env["ES_FAILOVER_CACHE"] ??
  path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "es-failover");

/** The path of a cached result. A change of `key` (a version, a hash of the inputs) causes a new build. */
export function cachePath(name: string, key: string): string {
  return path.join(cacheRoot, name, key);
}

export function isCached(name: string, key: string): boolean {
  return existsSync(cachePath(name, key));
}

/**
 * Builds a directory once: `build` fills a scratch directory beside the final path, which is then renamed. An interrupted
 * build leaves only its scratch directory, which the next build removes. Of two concurrent builds the one that ends last
 * discards its result.
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

/** Removes scratch directories of builds whose process has ended. */
async function sweepScratch(parent: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    const pid = /^\.scratch-(\d+)-/.exec(entry)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(path.join(parent, entry), { recursive: true, force: true });
    }
  }
}
