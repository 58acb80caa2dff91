import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { errnoOf, syncDirectory } from "./files.ts";

/** Exported documents are the users' data: only the watchdog's user may read them. */
export const PRIVATE_FILE = 0o600;
export const PRIVATE_DIRECTORY = 0o700;

/** Renames a finished file to its final path, durably. The file must have been synced. */
export async function commitFile(partial: string, target: string): Promise<void> {
  await rename(partial, target);
  await syncDirectory(path.dirname(target));
}

/** Appends lines; returns when they are on disk. A line that a crash truncated was never reported, and is dropped. */
export async function appendDurably(target: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const handle = await open(target, "a+", PRIVATE_FILE);
  try {
    await dropTornLine(handle);
    await handle.appendFile(lines.map((line) => `${line}\n`).join(""));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncDirectory(path.dirname(target));
}

/** The complete lines of a file that `appendDurably` wrote; none when it does not exist. */
export async function readAppended(target: string): Promise<readonly string[]> {
  const text = await readIfThere(target);
  return text === null ? [] : text.split("\n").slice(0, -1);
}

/** The content of a file, or null when there is none. */
export async function readIfThere(file: string): Promise<string | null> {
  return readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  });
}

async function dropTornLine(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  if (size === 0) return;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  if (last.toString() === "\n") return;
  const content = Buffer.alloc(size);
  await handle.read(content, 0, size, 0);
  await handle.truncate(content.lastIndexOf("\n") + 1);
}
