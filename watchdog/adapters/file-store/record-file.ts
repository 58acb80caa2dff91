import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type HistoryEntry, historyEntrySchema } from "../../core/state/history.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { embedded, recordFrom } from "../../core/state/record-codec.ts";
import { errnoOf, reasonOf, writeFileAtomically } from "../../util/files.ts";

/** A state document on disk, with a checksum that detects damage. */
const recordFileSchema = z.strictObject({
  sha256: z.string(),
  record: z.unknown(),
  /** The change that wrote it: completes a history that lacks its last line. */
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
    return { record: recordFrom(record), entry, revision: revisionOf(text) };
  } catch (error) {
    throw new Error(
      `the state document ${file} is damaged (${damageOf(error, text)}), so the watchdog takes no action. Restore a copy ` +
        "of it, or find out which region holds the newest writes before you remove it: without it the configured first " +
        "primary becomes active.",
      { cause: error },
    );
  }
}

/** Durable once it returns. Returns the file's revision. */
export async function writeRecordFile(file: string, record: StateRecord, entry: HistoryEntry | null): Promise<string> {
  const document = embedded(record);
  const content = `${JSON.stringify({ sha256: sumOf(document), record: document, entry }, null, 2)}\n`;
  await writeFileAtomically(file, content, { mode: 0o640 });
  return revisionOf(content);
}

function damageOf(error: unknown, text: string): string {
  if (text.trim() === "") return "it is empty";
  if (error instanceof SyntaxError) return "it is not complete JSON";
  if (error instanceof z.ZodError) return `it is not a state document: ${z.prettifyError(error)}`;
  return reasonOf(error);
}
