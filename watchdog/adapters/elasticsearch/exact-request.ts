import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type Client, errors, type TransportRequestParams } from "@elastic/elasticsearch";
import type { z } from "zod";
import { ClusterError } from "../../core/ports/cluster.ts";
import { parseExact } from "../../util/exact-json.ts";
import type { CallOptions, RegionNodes } from "./nodes.ts";

/** A request whose answer is read by `parseExact`, which the client's own reading of JSON would round. */
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
  // The client's own timeout ends with the headers.
  const cut = () => stream.destroy(timedOut());
  options.signal.addEventListener("abort", cut, { once: true });
  try {
    if (options.signal.aborted) throw timedOut();
    const answer = await text(stream);
    const isRefusal = (result.statusCode ?? 500) >= 400;
    if (isRefusal) throw new errors.ResponseError({ ...result, body: readableReason(answer) });
    return { body: parseExact(answer), bytes: Buffer.byteLength(answer) };
  } finally {
    options.signal.removeEventListener("abort", cut);
  }
}

function timedOut(): Error {
  return new errors.TimeoutError("the answer did not end in time");
}

/** A refusal may come from something in between that does not speak JSON. */
function readableReason(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return { error: answer.slice(0, 200) };
  }
}

/** @throws ClusterError that says where the answer is not what this version understands */
export function parseAnswer<T extends z.ZodType>(
  nodes: RegionNodes,
  what: string,
  schema: T,
  body: unknown,
): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw unexpected(nodes, what, `unexpected answer at ${issue?.path.join(".") ?? "its root"}: ${issue?.message ?? ""}`);
}

export function unexpected(nodes: RegionNodes, what: string, reason: string): ClusterError {
  return new ClusterError(nodes.region, "rejected", `${nodes.region}: ${what}: ${reason}`);
}
