import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { NumberReader, NumberWriter } from "./packed-numbers.ts";
import { expand, type Json, shrink, Texts } from "./packed-tables.ts";

/** Speed over size: a step of a change waits for it. The window spans repetitions that are far apart. */
const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 22 } };

/** Bound on what is unpacked: no document comes near it. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Before the text: its length in bytes. */
const LENGTH_BYTES = 4;

/** A JSON value in a small part of the bytes of its text. */
export function pack(value: unknown): Buffer {
  const texts = new Texts();
  const numbers = new NumberWriter();
  const body = shrink(value as Json, { texts, numbers });
  const text = Buffer.from(JSON.stringify({ texts: texts.all, body }));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  return brotliCompressSync(Buffer.concat([length, text, numbers.bytes()]), options);
}

/** @throws Error when these bytes were not packed by `pack` */
export function unpack(bytes: Uint8Array): unknown {
  const all = brotliDecompressSync(bytes, { maxOutputLength: MAX_BYTES });
  const end = LENGTH_BYTES + all.readUInt32BE(0);
  const { texts, body } = JSON.parse(all.toString("utf8", LENGTH_BYTES, end)) as { texts: string[]; body: Json };
  return expand(body, { texts: new Texts(texts), numbers: new NumberReader(all.subarray(end)) });
}
