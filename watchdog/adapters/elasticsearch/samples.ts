import type { DocumentSampler, SampledDocument } from "../../diagnostics/verify/ports.ts";
import { contentHash } from "../../salvage/operation.ts";
import { createElasticsearchDocuments } from "./documents.ts";
import type { NodesOptions } from "./node-client.ts";
import { RegionNodes } from "./nodes.ts";
import { searchShard } from "./shard-search.ts";

export interface ElasticsearchSampler extends DocumentSampler {
  close(): Promise<void>;
}

/** @throws Error when the CA file cannot be read */
export function createElasticsearchSampler(options: NodesOptions): ElasticsearchSampler {
  const nodes = new RegionNodes(options);
  const documents = createElasticsearchDocuments(options);
  return {
    refresh: (indices) => documents.refresh(indices),
    documents: (references) => documents.documents(references),
    documentsAt: (index, shard, seqNos) => documentsAt(nodes, index, shard, seqNos),
    count: (indices) => countDocuments(nodes, indices),
    close: async () => {
      await Promise.all([nodes.close(), documents.close()]);
    },
  };
}

async function documentsAt(
  nodes: RegionNodes,
  index: string,
  shard: number,
  seqNos: readonly number[],
): Promise<readonly SampledDocument[]> {
  const what = `read a sample of shard ${shard} of ${index}`;
  const query = { terms: { _seq_no: seqNos } };
  const { hits } = await searchShard(nodes, what, { index, shard, query, limit: seqNos.length });
  return hits.map((hit) => {
    const routing = hit._routing ?? null;
    const hash = contentHash({ routing, source: hit._source ?? null });
    const copy = { seqNo: hit._seq_no, primaryTerm: hit._primary_term, version: hit._version, contentHash: hash };
    return { index, id: hit._id, routing, copy };
  });
}

async function countDocuments(nodes: RegionNodes, indices: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const index of indices) {
    const answer = await nodes.read(`count documents of ${index}`, (client, options) =>
      client.count({ index, expand_wildcards: "none" }, options),
    );
    counts.set(index, answer.count);
  }
  return counts;
}
