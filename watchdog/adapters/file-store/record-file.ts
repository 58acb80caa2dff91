import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type HistoryEntry, historyEntrySchema } from "../../core/state/history.ts";
import { parseStateRecord, type StateRecord } from "../../core/state/record.ts";
import { errnoOf, reasonOf, writeFileAtomically } from "../../util/files.ts";

/** A state document on disk, with the sum that tells a damaged one. */
const recordFileSchema = z.strictObject({
  sha256: z.string(),
  record: z.unknown(),
  /** The change that wrote it, so that a history which lost its last line can be completed. */
  entry: historyEntrySchema.nullable(),
});

export interface RecordFileContent {
  readonly record: StateRecord;
  readonly entry: HistoryEntry | null;
  /** Changes with every content. */
  readonly revision: string;
}

const sumOf = (record: unknown): string => createHash("sha256").update(JSON.stringify(record)).digest("hex");
const revisionOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/**
 * @returns null when there is no such file
 * @throws Error that names the file when it cannot be read or is damaged: a damaged document is never "no document"
 */
export async function readRecordFile(file: string): Promise<RecordFileContent | null> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw new Error(`cannot read the state document ${file}: ${reasonOf(error)}`, { cause: error });
  }
  try {
    const { sha256, record, entry } = recordFileSchema.parse(JSON.parse(text));
    if (sha256 !== sumOf(record)) throw new Error("its checksum does not match its content");
    return { record: parseStateRecord(record), entry, revision: revisionOf(text) };
  } catch (error) {
    throw new Error(
      `the state document ${file} is damaged (${damageOf(error, text)}). Nothing is done without it. Put back a copy ` +
        "of it, or find out which region holds the newest writes before you remove it: without it the first primary " +
        "of the configuration becomes active.",
      { cause: error },
    );
  }
}

/** Durable once it returns, with the file's revision. */
export async function writeRecordFile(file: string, record: StateRecord, entry: HistoryEntry | null): Promise<string> {
  const content = `${JSON.stringify({ sha256: sumOf(record), record, entry }, null, 2)}\n`;
  await writeFileAtomically(file, content, { mode: 0o640 });
  return revisionOf(content);
}

function damageOf(error: unknown, text: string): string {
  if (text.trim() === "") return "it is empty";
  if (error instanceof SyntaxError) return "it is not whole JSON";
  if (error instanceof z.ZodError) return `not what a state document looks like: ${z.prettifyError(error)}`;
  return reasonOf(error);
}
