import { z } from "zod";
import type { OperationPage, OperationRange } from "../../salvage/ports.ts";
import { documentSource, revision, WHOLE_SOURCE } from "./document-fields.ts";
import { exactRequest, parseAnswer } from "./exact-request.ts";
import type { RegionNodes } from "./nodes.ts";

const searchHit = documentSource.extend({ _index: z.string(), _id: z.string(), ...revision });
const searchAnswer = z.object({
  timed_out: z.literal(false),
  _shards: z.object({ failed: z.literal(0) }),
  hits: z.object({ hits: z.array(searchHit) }),
});

/** Documents of one shard, in the order of their operations. */
export interface ShardSearch {
  readonly index: string;
  readonly shard: number;
  /** In Elasticsearch's query language. */
  readonly query: object;
  /** Bound on the documents returned. */
  readonly limit: number;
}

/** Whole documents of one shard, with their revisions. `what` names the search in errors. */
export async function searchShard(
  nodes: RegionNodes,
  what: string,
  { index, shard, query, limit }: ShardSearch,
): Promise<{ readonly hits: readonly z.output<typeof searchHit>[]; readonly bytes: number }> {
  const { body, bytes } = await nodes.read(what, (client, options) =>
    exactRequest(client, options, {
      method: "POST",
      path: `/${encodeURIComponent(index)}/_search`,
      querystring: {
        preference: `_shards:${shard}`,
        // A partial answer would pass for a whole one.
        allow_partial_search_results: "false",
        expand_wildcards: "none",
      },
      body: {
        size: limit,
        query,
        sort: [{ _seq_no: "asc" }],
        track_total_hits: false,
        seq_no_primary_term: true,
        version: true,
        _source: WHOLE_SOURCE,
      },
    }),
  );
  return { hits: parseAnswer(nodes, what, searchAnswer, body).hits.hits, bytes };
}

export async function readOperations(nodes: RegionNodes, range: OperationRange): Promise<OperationPage> {
  const { index, shard, afterSeqNo, limit } = range;
  const what = `read operations of shard ${shard} of ${index} above ${afterSeqNo}`;
  const query = { range: { _seq_no: { gt: afterSeqNo } } };
  const { hits, bytes } = await searchShard(nodes, what, { index, shard, query, limit });
  const operations = hits.map((hit) => ({
    index: hit._index,
    shard,
    id: hit._id,
    routing: hit._routing ?? null,
    seqNo: hit._seq_no,
    primaryTerm: hit._primary_term,
    version: hit._version,
    source: hit._source ?? null,
  }));
  return { operations, bytes };
}
