import { open, readFile, rename, stat } from "node:fs/promises";
import { type HistoryEntry, historyEntrySchema } from "../../core/state/history.ts";
import { errnoOf } from "../../util/files.ts";

/** Size at which the history is rotated. One older file is kept: some thousand changes each. */
const HISTORY_BYTES_MAX = 1024 * 1024;

const olderFileOf = (file: string): string => `${file}.1`;

/** Appends one JSON line per entry. A line that a crash or a full disk truncated is ended first. */
export async function appendHistory(file: string, entries: readonly HistoryEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await rotateWhenLarge(file);
  const handle = await open(file, "a+", 0o640);
  try {
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    const separator = size > 0 && last.toString() !== "\n" ? "\n" : "";
    await handle.appendFile(separator + entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The last `limit` entries, oldest first. Truncated lines are left out. */
export async function readHistory(file: string, limit: number): Promise<readonly HistoryEntry[]> {
  const newer = await readLines(file);
  const lines = newer.length >= limit ? newer : [...(await readLines(olderFileOf(file))), ...newer];
  return lines.slice(-limit);
}

async function readLines(file: string): Promise<readonly HistoryEntry[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line) => {
    const entry = parseLine(line);
    return entry === null ? [] : [entry];
  });
}

function parseLine(line: string): HistoryEntry | null {
  try {
    return historyEntrySchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

async function rotateWhenLarge(file: string): Promise<void> {
  try {
    if ((await stat(file)).size < HISTORY_BYTES_MAX) return;
    await rename(file, olderFileOf(file));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
