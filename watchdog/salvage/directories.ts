import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { PRIVATE_DIRECTORY } from "../util/durable.ts";
import { errnoOf, syncDirectory } from "../util/files.ts";
import { type Receipt, readReceipt } from "./receipt.ts";

/**
 * The exports of a host: below the root a directory per epoch and old primary, `<epoch>-<region>`, and in it one per
 * index, `<uuid>`, with a number appended where the index changed after it had been exported.
 */

/** Names of the exports under `root`, finished or not, oldest epoch first. */
export const exportNames = async (root: string) => (await subdirectories(root)).filter((name) => /^\d+-/.test(name));

/** Paths of the exports of single indices, finished or not; of one index the oldest first. */
export const indexDirectories = async (directory: string) =>
  (await subdirectories(directory)).map((name) => path.join(directory, name));

async function subdirectories(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** The finished exports of single indices in all exports under `root`, with their receipts; none is verified. */
export async function* finishedExports(
  root: string,
): AsyncGenerator<{ readonly directory: string; readonly receipt: Receipt }> {
  for (const name of await exportNames(root)) {
    for (const directory of await indexDirectories(path.join(root, name))) {
      const receipt = await readReceipt(directory).catch(() => null);
      if (receipt !== null) yield { directory, receipt };
    }
  }
}

/** `<uuid>`, with a number appended if there is a finished export of it already. Removes an unfinished one. */
export async function createIndexDirectory(parent: string, uuid: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const directory = path.join(parent, attempt === 1 ? uuid : `${uuid}-${attempt}`);
    const isFinished = await readReceipt(directory).then(
      (receipt) => receipt !== null,
      () => true,
    );
    if (isFinished) continue;
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: PRIVATE_DIRECTORY });
    await syncDirectory(parent);
    return directory;
  }
}
