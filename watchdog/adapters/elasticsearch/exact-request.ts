import { pipeline, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { type Client, errors, type TransportRequestParams } from "@elastic/elasticsearch";
import type { z } from "zod";
import { parseExact } from "../../util/exact-json.ts";
import { rejected } from "./acknowledgement.ts";
import type { CallOptions, RegionNodes } from "./nodes.ts";

/** A request whose answer is parsed by `parseExact`: the client's own JSON parser rounds large numbers. */
export async function exactRequest(
  client: Client,
  options: CallOptions,
  params: TransportRequestParams,
): Promise<{ readonly body: unknown; readonly bytes: number }> {
  const result = await client.transport.request<Readable>(params, {
    ...options,
    asStream: true,
    meta: true,
  });
  const stream = result.body;
  const isCompressed = result.headers?.["content-encoding"] === "gzip";
  // Its errors, and those of the answer itself, come out of the last stream, which is read below.
  const plain = isCompressed ? pipeline(stream, createGunzip(), () => undefined) : stream;
  // The client's own timeout ends with the headers.
  const cut = () => plain.destroy(timedOut());
  options.signal.addEventListener("abort", cut, { once: true });
  try {
    if (options.signal.aborted) throw timedOut();
    const answer = await text(plain);
    const isRefusal = (result.statusCode ?? 500) >= 400;
    if (isRefusal) throw new errors.ResponseError({ ...result, body: readableReason(answer) });
    return { body: parseExact(answer), bytes: Buffer.byteLength(answer) };
  } finally {
    options.signal.removeEventListener("abort", cut);
  }
}

function timedOut(): Error {
  return new errors.TimeoutError("the answer was not complete in time");
}

/** A refusal may come from a proxy in between, which does not answer in JSON. */
function readableReason(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return { error: answer.slice(0, 200) };
  }
}

/** @throws ClusterError that names the field which this version does not understand */
export function parseAnswer<T extends z.ZodType>(
  nodes: RegionNodes,
  what: string,
  schema: T,
  body: unknown,
): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw rejected(nodes, what, `unexpected answer at ${issue?.path.join(".") ?? "its root"}: ${issue?.message ?? ""}`);
}
