import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { PRIVATE_FILE, readIfThere } from "../util/durable.ts";
import { messageOf } from "../util/errors.ts";
import { writeFileAtomically } from "../util/files.ts";
import { readLines, sumOf, sumOfFile, type WrittenFile } from "./lines.ts";

/**
 * The proof that a directory contains what an old primary had of one index above its checkpoints, and what it takes to
 * create the index again. It is written last: a directory without a receipt proves nothing.
 */

const RECEIPT_FILE = "receipt.json";
const seqNo = z.number().int().min(-1);
const count = z.number().int().min(0);
const fileName = z.string().regex(/^[\w.-]+$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const exportedShard = z.strictObject({
  shard: count,
  /** The new primary had all operations up to this sequence number. */
  checkpoint: seqNo,
  /** The shard's highest sequence number, the same before and after reading. */
  maxSeqNo: seqNo,
  /** Operations in the file. */
  exported: count,
  /** Of these, documents of an index without `_source`: only their ids are in the file. */
  withoutSource: count,
  /** Operations above the checkpoint that REST cannot return: deletes, and versions that a later one replaced. */
  invisible: count,
});

export const receiptSchema = z.strictObject({
  schemaVersion: z.literal(2),
  epoch: z.number().int().min(1),
  /** The old primary. */
  region: z.string(),
  newRegion: z.string(),
  clusterUuid: z.string(),
  promotedAt: z.iso.datetime(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  index: z.string(),
  uuid: z.string(),
  shards: z.array(exportedShard),
  operations: z.strictObject({
    /** In the directory of the receipt; one JSON object per line. */
    file: fileName,
    compression: z.enum(["gzip", "none"]),
    count,
    bytes: count,
    sha256,
  }),
  /** Settings, mappings and aliases of the index, in the directory of the receipt. */
  definition: z.strictObject({ file: fileName, bytes: count, sha256 }),
  /** What the export does not contain, in sentences. */
  limits: z.array(z.string()),
});

export type Receipt = z.output<typeof receiptSchema>;
export type ExportedShard = z.output<typeof exportedShard>;

const verified = Symbol("verified");
/** A receipt that the exported files were read again for and match. Only `verifyReceipt` creates one. */
export type VerifiedReceipt = Receipt & { readonly [verified]: true };

export type ReceiptCheck =
  | { readonly valid: true; readonly receipt: VerifiedReceipt }
  | { readonly valid: false; readonly problem: string };

export async function writeReceipt(directory: string, receipt: Receipt): Promise<void> {
  const text = `${JSON.stringify(receiptSchema.parse(receipt), null, 2)}\n`;
  await writeFileAtomically(path.join(directory, RECEIPT_FILE), text, { mode: PRIVATE_FILE });
}

/** The receipt alone, without reading the exported files; null when the export is unfinished. */
export async function readReceipt(directory: string): Promise<Receipt | null> {
  const file = path.join(directory, RECEIPT_FILE);
  const text = await readIfThere(file);
  if (text === null) return null;
  try {
    return receiptSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${file} is not a receipt of this version: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads the exported files again and compares them with the receipt, in bounded memory. */
export async function verifyReceipt(directory: string, problemOf = contentProblem): Promise<ReceiptCheck> {
  try {
    const receipt = await readReceipt(directory);
    if (receipt === null) return { valid: false, problem: `${directory} has no receipt: the export is unfinished` };
    const problem = await problemOf(directory, receipt);
    return problem === null
      ? { valid: true, receipt: { ...receipt, [verified]: true } }
      : { valid: false, problem: `${directory}: ${problem}` };
  } catch (error) {
    return { valid: false, problem: `${directory}: ${messageOf(error)}` };
  }
}

/** Also counts the operations, and so finds what was wrong before it was written. */
export const contentProblem = async (directory: string, receipt: Receipt): Promise<string | null> =>
  (await operationsProblem(directory, receipt)) ?? (await definitionProblem(directory, receipt));

/** By the sums of the files alone: enough for a copy of what was verified. */
export async function sumsProblem(directory: string, { operations, definition }: Receipt): Promise<string | null> {
  for (const claimed of [operations, definition]) {
    const problem = differenceFrom(claimed, await sumOfFile(path.join(directory, claimed.file)));
    if (problem !== null) return problem;
  }
  return null;
}

async function operationsProblem(directory: string, { operations, shards }: Receipt): Promise<string | null> {
  const claimed = shards.reduce((sum, shard) => sum + shard.exported, 0);
  if (claimed !== operations.count) {
    return `the receipt claims ${operations.count} operations, but its shards add up to ${claimed}`;
  }
  const lines = readLines(path.join(directory, operations.file), operations.compression);
  let read = 0;
  for (;;) {
    const step = await lines.next();
    if (step.done !== true) {
      read += 1;
      continue;
    }
    if (read !== operations.count) {
      return `${operations.file} has ${read} lines, the receipt has ${operations.count} operations`;
    }
    return differenceFrom(operations, step.value);
  }
}

async function definitionProblem(directory: string, { definition }: Receipt): Promise<string | null> {
  const content = await readFile(path.join(directory, definition.file));
  return differenceFrom(definition, sumOf(content));
}

function differenceFrom(claimed: WrittenFile & { readonly file: string }, found: WrittenFile): string | null {
  if (found.sha256 !== claimed.sha256) {
    return `${claimed.file} has sha256 ${found.sha256}, the receipt has ${claimed.sha256}`;
  }
  if (found.bytes !== claimed.bytes) {
    return `${claimed.file} has ${found.bytes} bytes, the receipt has ${claimed.bytes}`;
  }
  return null;
}
