import { readdir } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { PRIVATE_FILE, readIfThere } from "../util/durable.ts";
import { messageOf } from "../util/errors.ts";
import { errnoOf, writeFileAtomically } from "../util/files.ts";
import { readLines } from "./lines.ts";

/**
 * The proof that a file contains the operations of an old primary. It is written last: a directory without a receipt
 * proves nothing.
 */

const RECEIPT_FILE = "receipt.json";
const seqNo = z.number().int().min(-1);
const count = z.number().int().min(0);

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
  schemaVersion: z.literal(1),
  epoch: z.number().int().min(1),
  /** The old primary. */
  region: z.string(),
  newRegion: z.string(),
  clusterUuid: z.string(),
  promotedAt: z.iso.datetime(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  operations: z.strictObject({
    /** In the directory of the receipt; one JSON object per line. */
    file: z.string().regex(/^[\w.-]+$/),
    compression: z.enum(["gzip", "none"]),
    count,
    bytes: count,
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  indices: z.array(z.strictObject({ index: z.string(), uuid: z.string(), shards: z.array(exportedShard) })),
  /** Indices that could not be read, with the reason: the receipt proves nothing about them. */
  leftOut: z.array(z.strictObject({ index: z.string(), reason: z.string() })),
  /** What the export does not contain, in sentences. */
  limits: z.array(z.string()),
});

export type Receipt = z.output<typeof receiptSchema>;
export type ExportedShard = z.output<typeof exportedShard>;

const verified = Symbol("verified");
/** A receipt that the exported file was read again for and matches. Only `verifyReceipt` creates one. */
export type VerifiedReceipt = Receipt & { readonly [verified]: true };

export type ReceiptCheck =
  | { readonly valid: true; readonly receipt: VerifiedReceipt }
  | { readonly valid: false; readonly problem: string };

export async function writeReceipt(directory: string, receipt: Receipt): Promise<void> {
  const text = `${JSON.stringify(receiptSchema.parse(receipt), null, 2)}\n`;
  await writeFileAtomically(path.join(directory, RECEIPT_FILE), text, { mode: PRIVATE_FILE });
}

/** The receipt alone, without reading the exported file; null when the export is unfinished. */
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

/** Reads the exported file again and compares it with the receipt, in bounded memory. */
export async function verifyReceipt(directory: string): Promise<ReceiptCheck> {
  try {
    const receipt = await readReceipt(directory);
    if (receipt === null) return { valid: false, problem: `${directory} has no receipt: the export is unfinished` };
    const problem = await problemWith(directory, receipt);
    return problem === null
      ? { valid: true, receipt: { ...receipt, [verified]: true } }
      : { valid: false, problem: `${directory}: ${problem}` };
  } catch (error) {
    return { valid: false, problem: `${directory}: ${messageOf(error)}` };
  }
}

async function problemWith(directory: string, { operations, indices }: Receipt): Promise<string | null> {
  const claimed = indices.flatMap(({ shards }) => shards).reduce((sum, shard) => sum + shard.exported, 0);
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
    if (step.value.sha256 !== operations.sha256) {
      return `${operations.file} has sha256 ${step.value.sha256}, the receipt has ${operations.sha256}`;
    }
    if (step.value.bytes !== operations.bytes) {
      return `${operations.file} has ${step.value.bytes} bytes, the receipt has ${operations.bytes}`;
    }
    if (read !== operations.count) {
      return `${operations.file} has ${read} lines, the receipt has ${operations.count} operations`;
    }
    return null;
  }
}

/** Names of the exports under `root`, finished or not, oldest epoch first. */
export async function exportDirectories(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory() && /^\d+-/.test(entry.name))
    .map((entry) => entry.name)
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
