import { readdir } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { PRIVATE_FILE, readIfThere } from "../util/durable.ts";
import { messageOf } from "../util/errors.ts";
import { errnoOf, writeFileAtomically } from "../util/files.ts";
import { readLines } from "./lines.ts";

/**
 * The proof that the operations of an old primary lie in a file. It is written last: a directory without one holds
 * nothing that counts.
 */

const RECEIPT_FILE = "receipt.json";
const seqNo = z.number().int().min(-1);
const count = z.number().int().min(0);

const exportedShard = z.strictObject({
  shard: count,
  /** The new primary had every operation up to here. */
  checkpoint: seqNo,
  /** The shard's highest sequence number when it was read, and still when reading had ended. */
  maxSeqNo: seqNo,
  /** Operations in the file. */
  exported: count,
  /** Of these, documents of an index that keeps no `_source`: only their ids could be saved. */
  withoutSource: count,
  /** Operations above the checkpoint that cannot be read by REST: deletes, and versions that a later one overwrote. */
  invisible: count,
});

export const receiptSchema = z.strictObject({
  schemaVersion: z.literal(1),
  epoch: z.number().int().min(1),
  /** The old primary that was read. */
  region: z.string(),
  newRegion: z.string(),
  clusterUuid: z.string(),
  promotedAt: z.iso.datetime(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  operations: z.strictObject({
    /** Beside the receipt; one JSON object per line. */
    file: z.string().regex(/^[\w.-]+$/),
    compression: z.enum(["gzip", "none"]),
    count,
    bytes: count,
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  indices: z.array(z.strictObject({ index: z.string(), uuid: z.string(), shards: z.array(exportedShard) })),
  /** Indices that could not be read, each with the reason: this receipt proves nothing about them. */
  leftOut: z.array(z.strictObject({ index: z.string(), reason: z.string() })),
  /** What this export does not hold, in sentences. */
  limits: z.array(z.string()),
});

export type Receipt = z.output<typeof receiptSchema>;
export type ExportedShard = z.output<typeof exportedShard>;

declare const verified: unique symbol;
/** A receipt whose file was read again and agrees with it. Only `verifyReceipt` gives one. */
export type VerifiedReceipt = Receipt & { readonly [verified]: true };

export type ReceiptCheck =
  | { readonly valid: true; readonly receipt: VerifiedReceipt }
  | { readonly valid: false; readonly problem: string };

export async function writeReceipt(directory: string, receipt: Receipt): Promise<void> {
  const text = `${JSON.stringify(receiptSchema.parse(receipt), null, 2)}\n`;
  await writeFileAtomically(path.join(directory, RECEIPT_FILE), text, { mode: PRIVATE_FILE });
}

/** The receipt as it stands, file unread; null when the export did not come to its end. */
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

/** Reads the exported file again and compares it with the receipt. Bounded memory; takes as long as reading the file. */
export async function verifyReceipt(directory: string): Promise<ReceiptCheck> {
  try {
    const receipt = await readReceipt(directory);
    if (receipt === null) return { valid: false, problem: `${directory} has no receipt: the export did not end` };
    const problem = await problemWith(directory, receipt);
    return problem === null
      ? { valid: true, receipt: receipt as VerifiedReceipt }
      : { valid: false, problem: `${directory}: ${problem}` };
  } catch (error) {
    return { valid: false, problem: `${directory}: ${messageOf(error)}` };
  }
}

async function problemWith(directory: string, { operations, indices }: Receipt): Promise<string | null> {
  const claimed = indices.flatMap(({ shards }) => shards).reduce((sum, shard) => sum + shard.exported, 0);
  if (claimed !== operations.count) {
    return `the receipt speaks of ${operations.count} operations, its shards add up to ${claimed}`;
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
      return `${operations.file} has sha256 ${step.value.sha256}, the receipt ${operations.sha256}`;
    }
    if (step.value.bytes !== operations.bytes) {
      return `${operations.file} has ${step.value.bytes} bytes, the receipt says ${operations.bytes}`;
    }
    if (read !== operations.count) {
      return `${operations.file} has ${read} lines, the receipt says ${operations.count} operations`;
    }
    return null;
  }
}

/** Names of the exports under `root`, finished or not, oldest epoch first. Empty when there has never been one. */
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
