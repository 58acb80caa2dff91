import { z } from "zod";
import { pack, unpack } from "../../util/packed-json.ts";
import { documentOf, standIn } from "./newer-version.ts";
import { parseStateRecord, type StateRecord } from "./record.ts";
import { recordCoreSchema } from "./record-core.ts";

/**
 * The record as text for a store. A small one is JSON. A large one is packed: a first line in JSON with what every version
 * reads, then the packed document. Each character of a packed one is a byte; its first is one with which no UTF-8 begins.
 */

export const PACKED_MARK = "\u00ff";

/** Longer JSON is packed. */
const PACK_ABOVE_CHARACTERS = 32 * 1024;
const PACKING = 1;

/** A packed text within other JSON. */
const packedSchema = z.object({ packed: z.string() });
const textOf = ({ packed }: z.output<typeof packedSchema>) => Buffer.from(packed, "base64").toString("latin1");
const packedOf = (text: string) => ({ packed: Buffer.from(text, "latin1").toString("base64") });

const headSchema = z.object({ packing: z.number().int(), core: z.unknown() });

export function encodeRecord(record: StateRecord): string {
  const document = documentOf(record);
  // In a packing of a newer version: kept as it was found.
  const kept = packedSchema.safeParse(document);
  if (kept.success) return textOf(kept.data);
  const json = JSON.stringify(document);
  if (json.length <= PACK_ABOVE_CHARACTERS) return json;
  const core = recordCoreSchema.parse(document);
  // Every character one byte, also in names of any script.
  const head = JSON.stringify({ packing: PACKING, core }).replace(/[\u0080-\uffff]/g, escaped);
  return `${PACKED_MARK}${head}\n${pack(document).toString("latin1")}`;
}

/**
 * @throws SyntaxError when the text is no JSON
 * @throws Error with the first invalid field, when not even the part that every version reads is there
 */
export function decodeRecord(text: string): StateRecord {
  if (!text.startsWith(PACKED_MARK)) return recordFrom(JSON.parse(text));
  const end = text.indexOf("\n");
  const { packing, core } = headSchema.parse(JSON.parse(text.slice(PACKED_MARK.length, end)));
  if (packing === PACKING) return recordFrom(unpack(Buffer.from(text.slice(end + 1), "latin1")));
  const reason = `it is packed in form ${packing}`;
  return standIn(recordCoreSchema.parse(core), {
    original: packedOf(text),
    reason,
  });
}

/** The same within other JSON: the document, or its packed form in base64. */
export function embedded(record: StateRecord): unknown {
  const text = encodeRecord(record);
  return text.startsWith(PACKED_MARK) ? packedOf(text) : documentOf(record);
}

/** A document from outside; of a newer version, what stands in for it. @throws Error with the first invalid field */
export function recordFrom(document: unknown): StateRecord {
  const packed = packedSchema.safeParse(document);
  if (packed.success) return decodeRecord(textOf(packed.data));
  try {
    return parseStateRecord(document);
  } catch (error) {
    const core = recordCoreSchema.safeParse(document);
    if (!core.success || !(error instanceof Error)) throw error;
    return standIn(core.data, { original: document, reason: error.message });
  }
}

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
