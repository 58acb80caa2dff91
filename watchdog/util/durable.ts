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

/** The complete lines of a file that `appendDurably` wrote, in bounded memory; none when it does not exist. */
export async function* readAppended(target: string): AsyncGenerator<string> {
  const handle = await open(target, "r").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  });
  if (handle === null) return;
  let begun = "";
  for await (const chunk of handle.createReadStream({ encoding: "utf8" })) {
    const lines = (begun + chunk).split("\n");
    begun = lines.pop() ?? "";
    yield* lines;
  }
}

/** The content of a file, or null when there is none. */
export async function readIfThere(file: string): Promise<string | null> {
  return readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  });
}

/** Read at once, from the end of a file. */
const TAIL_BYTES = 64 * 1024;

async function dropTornLine(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  if (size === 0) return;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  if (last.toString() === "\n") return;
  let end = size;
  while (end > 0) {
    const from = Math.max(0, end - TAIL_BYTES);
    const tail = Buffer.alloc(end - from);
    await handle.read(tail, 0, tail.length, from);
    const at = tail.lastIndexOf("\n");
    if (at >= 0) return handle.truncate(from + at + 1);
    end = from;
  }
  await handle.truncate(0);
}
