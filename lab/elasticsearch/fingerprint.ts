import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** A short hash of strings and of files or whole directories (names and contents): the key of what is made from them. */
export async function fingerprint(inputs: {
  readonly values?: readonly string[];
  readonly paths?: readonly string[];
}): Promise<string> {
  const hash = createHash("sha256");
  for (const value of inputs.values ?? []) hash.update(`${value}\0`);
  for (const root of inputs.paths ?? []) {
    for (const file of await filesBelow(root))
      hash.update(`${path.relative(root, file)}\0`).update(await readFile(file));
  }
  return hash.digest("hex").slice(0, 16);
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
