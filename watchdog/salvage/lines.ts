import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { PRIVATE_FILE } from "../util/durable.ts";

export type Compression = "gzip" | "none";

export interface WrittenFile {
  readonly bytes: number;
  /** Of the file on disk, compressed or not. */
  readonly sha256: string;
}

/** The fingerprint of a whole small file. */
export const sumOf = (content: Buffer): WrittenFile => ({
  bytes: content.length,
  sha256: createHash("sha256").update(content).digest("hex"),
});

/** The fingerprint of a file of any size. */
export async function sumOfFile(file: string): Promise<WrittenFile> {
  const digest = fingerprint();
  await pipeline(createReadStream(file), digest.through, async (chunks) => {
    for await (const _ of chunks);
  });
  return digest.result();
}

/** Streams lines into a new file in bounded memory; returns once it is synced. */
export async function writeLines(
  file: string,
  lines: AsyncIterable<string>,
  compression: Compression,
): Promise<WrittenFile> {
  const digest = fingerprint();
  const source = Readable.from(withBreaks(lines), { objectMode: false });
  const sink = createWriteStream(file, { mode: PRIVATE_FILE, flush: true });
  if (compression === "gzip") await pipeline(source, createGzip(), digest.through, sink);
  else await pipeline(source, digest.through, sink);
  return digest.result();
}

/**
 * Reads a file's lines in bounded memory; returns the fingerprint of the file after the last line.
 *
 * @throws Error when the file ends in the middle of a line or its compression is damaged
 */
export async function* readLines(
  file: string,
  compression: Compression,
): AsyncGenerator<string, WrittenFile, undefined> {
  const digest = fingerprint();
  const stages = compression === "gzip" ? [digest.through, createGunzip()] : [digest.through];
  const aborter = new AbortController();
  const output = stages.at(-1) ?? digest.through;
  // The loop below throws the same error, because pipeline() destroys the output with it.
  const running = pipeline([createReadStream(file), ...stages], { signal: aborter.signal, end: true }).catch(
    () => undefined,
  );
  const decoder = new TextDecoder("utf-8", { fatal: true });
  // Joined once the line is complete: a line may be as large as the largest document.
  let pieces: string[] = [];
  try {
    const chunks: AsyncIterable<Buffer> = output;
    for await (const chunk of chunks) {
      const parts = decoder.decode(chunk, { stream: true }).split("\n");
      for (const part of parts.slice(0, -1)) {
        yield [...pieces, part].join("");
        pieces = [];
      }
      const begun = parts.at(-1) ?? "";
      if (begun !== "") pieces.push(begun);
    }
    if (pieces.length > 0 || decoder.decode() !== "") throw new Error(`${file} ends in the middle of a line`);
  } finally {
    aborter.abort();
    await running;
  }
  return digest.result();
}

async function* withBreaks(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const line of lines) yield Buffer.from(`${line}\n`);
}

function fingerprint() {
  const hash = createHash("sha256");
  let bytes = 0;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  return { through, result: (): WrittenFile => ({ bytes, sha256: hash.digest("hex") }) };
}
