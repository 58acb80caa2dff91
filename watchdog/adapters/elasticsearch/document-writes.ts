import { z } from "zod";
import type { ConditionalWrite, WriteResult } from "../../salvage/ports.ts";
import { exactNumber, stringifyExact } from "../../util/exact-json.ts";
import { ackTimeouts, rejected } from "./acknowledgement.ts";
import { exactRequest, parseAnswer } from "./exact-request.ts";
import type { RegionNodes } from "./nodes.ts";

const bulkItem = z.object({
  status: z.number(),
  error: z.object({ type: z.string(), reason: z.string().nullish() }).optional(),
});
const bulkAnswer = z.object({ items: z.array(z.record(z.string(), bulkItem)) });

/** Writes documents in one bulk request, each on its condition. The results are in the order of the writes. */
export async function writeDocuments(
  nodes: RegionNodes,
  writes: readonly ConditionalWrite[],
): Promise<readonly WriteResult[]> {
  if (writes.length === 0) return [];
  const what = `write ${writes.length} salvaged documents`;
  const bulkBody = writes
    .map((each) => `${stringifyExact(bulkAction(each))}\n${stringifyExact(each.source)}\n`)
    .join("");
  const { body } = await nodes.change(what, (client, options) =>
    exactRequest(client, options, {
      method: "POST",
      path: "/_bulk",
      // Salvaged documents have passed their ingest pipeline; a second pass could change them.
      querystring: { pipeline: "_none", timeout: ackTimeouts(nodes).timeout },
      bulkBody,
    }),
  );
  const { items } = parseAnswer(nodes, what, bulkAnswer, body);
  if (items.length !== writes.length) throw rejected(nodes, what, `${items.length} answers`);
  return items.map((item) => resultOf(Object.values(item)[0]));
}

function bulkAction({ index, id, routing, condition }: ConditionalWrite): unknown {
  const target = { _index: index, _id: id, ...(routing === null ? {} : { routing }) };
  switch (condition.kind) {
    case "absent":
      return { create: target };
    case "appended":
      return { create: { ...target, require_data_stream: true } };
    case "unchanged":
      return { index: { ...target, if_seq_no: condition.seqNo, if_primary_term: condition.primaryTerm } };
    case "version": {
      const version_type = condition.orEqual ? "external_gte" : "external";
      return { index: { ...target, version: exactNumber(condition.version), version_type } };
    }
    default:
      return condition satisfies never;
  }
}

function resultOf(item: z.output<typeof bulkItem> | undefined): WriteResult {
  if (item === undefined) return { kind: "failed", reason: "the cluster did not answer for this write" };
  if (item.status === 409) return { kind: "conflict" };
  if (item.status >= 200 && item.status < 300 && item.error === undefined) return { kind: "written" };
  const { type, reason } = item.error ?? { type: `HTTP ${item.status}`, reason: null };
  return { kind: "failed", reason: `${type}: ${reason ?? "no reason given"}` };
}
