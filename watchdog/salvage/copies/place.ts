import { z } from "zod";
import type { Receipt } from "../receipt.ts";

/** A place at another site that keeps copies of exports, and what passes between it and the host that made them. */

/** The files of one index of an export, by names alone: they become a path at the place. */
export interface IndexPlace {
  /** `<epoch>-<region>` */
  readonly export: string;
  /** The directory of the index. */
  readonly index: string;
}

const safeName = z.string().regex(/^[A-Za-z0-9][\w.-]{0,127}$/);
/** UUIDs of indices are base64url, which begins with `_` or `-` as well. */
const uuid = z.string().regex(/^[\w-][\w.-]{0,127}$/);
export const indexPlaceSchema = z.object({ export: safeName.regex(/^\d+-/), index: uuid });
export const fileNameSchema = z.enum(["operations.ndjson.gz", "operations.ndjson", "definition.json"]);
export const senderSchema = safeName;

const fileSum = z.object({ bytes: z.number(), sha256: z.string() });
/** A copy that the place has read back and found as its receipt has it. */
export const copySchema = z.object({ ...indexPlaceSchema.shape, operations: fileSum, definition: fileSum });
export type Copy = z.output<typeof copySchema>;

export const copyOf = (place: IndexPlace, { operations, definition }: Receipt): Copy => ({
  ...place,
  operations: { bytes: operations.bytes, sha256: operations.sha256 },
  definition: { bytes: definition.bytes, sha256: definition.sha256 },
});

/** Bounds a request: as much as a slow line carries in the few seconds that a watchdog waits for one. */
export const CHUNK_BYTES = 1024 * 1024;

/** All methods throw when the place does not answer, or has no room. */
export interface CopyPlace {
  /** In words. */
  readonly name: string;
  /** The complete copies of this host's exports. */
  copies(): Promise<readonly Copy[]>;
  /** Appends to a file that has `from` bytes, else changes nothing; returns how many it has then. */
  append(place: IndexPlace, file: string, from: number, chunk: Buffer): Promise<number>;
  /** Completes a copy; returns why it does not match the receipt, and is removed, or null. */
  finish(place: IndexPlace, receipt: Receipt): Promise<string | null>;
}
