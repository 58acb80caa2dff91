import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { CHUNK_BYTES } from "../../salvage/copies/place.ts";
import type { ReceivedCopies } from "../../salvage/copies/received.ts";
import { receiptSchema } from "../../salvage/receipt.ts";
import { messageOf } from "../../util/errors.ts";

/** The receipt of an index with a thousand shards is a tenth of it. */
const BODY_BYTES_MAX = CHUNK_BYTES;

/**
 * Takes copies of exports from the watchdogs of other sites:
 *
 *     GET  /salvage/SENDER                               the complete copies
 *     POST /salvage/SENDER/EXPORT/INDEX/FILE?from=BYTES  appends to a file
 *     POST /salvage/SENDER/EXPORT/INDEX/receipt.json     completes a copy
 *
 * Nothing reads an exported document back.
 */
export function salvageCopyHandler(received: ReceivedCopies) {
  return async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const reply = (status: number, body: unknown) => {
      outgoing.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
    };
    try {
      reply(200, await answer(received, incoming));
    } catch (error) {
      reply(error instanceof z.ZodError ? 400 : 500, { error: messageOf(error) });
    }
  };
}

async function answer(received: ReceivedCopies, incoming: IncomingMessage): Promise<unknown> {
  const url = new URL(incoming.url ?? "/", "https://localhost");
  const [, , sender = "", name = "", index = "", file = ""] = url.pathname.split("/").map(decodeURIComponent);
  if (incoming.method === "GET") return { copies: await received.copies(sender) };
  const body = await bodyOf(incoming);
  const place = { export: name, index };
  if (file === "receipt.json") {
    const receipt = receiptSchema.parse(JSON.parse(body.toString()));
    return { problem: await received.finish(sender, place, receipt) };
  }
  const from = z.coerce.number().int().min(0).parse(url.searchParams.get("from"));
  return { bytes: await received.append(sender, place, file, from, body) };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`the request is longer than ${BODY_BYTES_MAX} bytes`);
  }
  return Buffer.concat(chunks);
}
