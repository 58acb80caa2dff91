import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Everything a build result depends on. */
export interface BuildInputs {
  readonly values?: readonly string[];
  /** Files, and directories with all their files: relative names and contents count. */
  readonly paths?: readonly string[];
  /** TypeScript modules of the build itself. Comments and imports do not count, as they cannot change a result. */
  readonly builders?: readonly string[];
}

/** A short hash of a build's inputs, as the cache key of its result. */
export async function fingerprint({ values = [], paths = [], builders = [] }: BuildInputs): Promise<string> {
  const hash = createHash("sha256");
  for (const value of values) hash.update(`${value}\0`);
  for (const root of paths) {
    for (const file of await filesBelow(root))
      hash.update(`${path.relative(root, file)}\0`).update(await readFile(file));
  }
  for (const file of builders) hash.update(`${codeOf(await readFile(file, "utf8"))}\0`);
  return hash.digest("hex").slice(0, 16);
}

/** The code without import statements and lines of comment. */
function codeOf(source: string): string {
  return source.replaceAll(/^import [^;]*;\n/gm, "").replaceAll(/^\s*(?:\/\/|\/\*|\*).*\n/gm, "");
}

async function filesBelow(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => path.join(entry.parentPath, entry.name)).sort();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return [root];
    throw error;
  }
}
