import { z } from "zod";
import { contentHash } from "../../salvage/operation.ts";
import type {
  ConditionalWrite,
  DocumentCopy,
  DocumentReader,
  DocumentReference,
  DocumentWriter,
  IndexIdentity,
  OperationPage,
  OperationRange,
  OperationReader,
  WriteResult,
} from "../../salvage/ports.ts";
import { stringifyExact } from "../../util/exact-json.ts";
import { exactRequest, parseAnswer, unexpected } from "./exact-request.ts";
import { ackTimeouts, inChunks } from "./indices.ts";
import { type NodesOptions, RegionNodes } from "./nodes.ts";

/** Bound on one page, batch or bulk request, milliseconds: a shard just started may have to warm up first. */
export const DOCUMENT_TIMEOUT_MS = 30_000;

/** Documents of one region, over its REST API. The user needs read, write, maintenance and view_index_metadata. */
export interface ElasticsearchDocuments extends OperationReader, DocumentReader, DocumentWriter {
  close(): Promise<void>;
}

/** @throws Error when the CA file cannot be read */
export function createElasticsearchDocuments(options: NodesOptions): ElasticsearchDocuments {
  const nodes = new RegionNodes(options);
  return {
    refresh: (indices) => refresh(nodes, indices),
    readOperations: (range) => readOperations(nodes, range),
    documents: (references) => readDocuments(nodes, references),
    identify: (indices) => identify(nodes, indices),
    write: (writes) => write(nodes, writes),
    close: () => nodes.close(),
  };
}

/**
 * Since 9.2 vectors are left out of `_source` unless asked for, and a document saved without them could not be brought
 * back.
 */
const WHOLE_SOURCE = { exclude_vectors: false };

const documentSource = z.object({ _source: z.unknown().optional(), _routing: z.string().optional() });
const revision = { _seq_no: z.number(), _primary_term: z.number(), _version: z.number() };
const searchHit = documentSource.extend({ _index: z.string(), _id: z.string(), ...revision });
const searchAnswer = z.object({
  timed_out: z.literal(false),
  _shards: z.object({ failed: z.literal(0) }),
  hits: z.object({ hits: z.array(searchHit) }),
});
const mgetAnswer = z.object({
  docs: z.array(
    z.union([
      z.object({ error: z.object({ type: z.string(), reason: z.string().nullish() }) }),
      documentSource.extend({ found: z.literal(true), ...revision }),
      z.object({ found: z.literal(false) }),
    ]),
  ),
});
const bulkItem = z.object({
  status: z.number(),
  error: z.object({ type: z.string(), reason: z.string().nullish() }).optional(),
});
const bulkAnswer = z.object({ items: z.array(z.record(z.string(), bulkItem)) });

async function refresh(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const answer = await nodes.change("refresh indices", (client, options) =>
      client.indices.refresh({ index, expand_wildcards: "none" }, options),
    );
    if ((answer._shards?.failed ?? 0) > 0) throw unexpected(nodes, "refresh indices", "some shards did not refresh");
  }
}

/** Documents of one shard, in the order of their operations. */
export interface ShardSearch {
  readonly index: string;
  readonly shard: number;
  /** In Elasticsearch's own terms. */
  readonly query: object;
  /** The most that are answered. */
  readonly limit: number;
}

/** Documents as they are in a shard, whole, with what tells their versions apart; `what` names the search in errors. */
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
        // Half an answer is none.
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

async function readOperations(nodes: RegionNodes, range: OperationRange): Promise<OperationPage> {
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

async function readDocuments(
  nodes: RegionNodes,
  references: readonly DocumentReference[],
): Promise<readonly (DocumentCopy | null)[]> {
  if (references.length === 0) return [];
  const what = `read ${references.length} documents`;
  const { body } = await nodes.read(what, (client, options) =>
    exactRequest(client, options, {
      method: "POST",
      path: "/_mget",
      querystring: { _source_exclude_vectors: "false" },
      body: {
        docs: references.map(({ index, id, routing }) => ({
          _index: index,
          _id: id,
          ...(routing === null ? {} : { routing }),
        })),
      },
    }),
  );
  const { docs } = parseAnswer(nodes, what, mgetAnswer, body);
  if (docs.length !== references.length) throw unexpected(nodes, what, `${docs.length} answers`);
  return docs.map((doc) => {
    if ("error" in doc) {
      if (doc.error.type === "index_not_found_exception") return null;
      throw unexpected(nodes, what, `${doc.error.type}: ${doc.error.reason ?? "no reason given"}`);
    }
    if (!doc.found) return null;
    return {
      seqNo: doc._seq_no,
      primaryTerm: doc._primary_term,
      version: doc._version,
      contentHash: contentHash({ routing: doc._routing ?? null, source: doc._source ?? null }),
    };
  });
}

async function identify(nodes: RegionNodes, indices: readonly string[]): Promise<ReadonlyMap<string, IndexIdentity>> {
  const found = new Map<string, IndexIdentity>();
  for (const index of inChunks(indices)) {
    const answer = await nodes.read("read which indices exist", (client, options) =>
      client.indices.getSettings(
        { index, name: ["index.uuid", "index.creation_date"], flat_settings: true, ignore_unavailable: true },
        options,
      ),
    );
    for (const [name, { settings }] of Object.entries(answer)) {
      const setting = (key: string): unknown => (settings as Readonly<Record<string, unknown>> | undefined)?.[key];
      found.set(name, { uuid: String(setting("index.uuid")), createdAtMs: Number(setting("index.creation_date")) });
    }
  }
  return found;
}

async function write(nodes: RegionNodes, writes: readonly ConditionalWrite[]): Promise<readonly WriteResult[]> {
  if (writes.length === 0) return [];
  const what = `write ${writes.length} salvaged documents`;
  const bulkBody = writes
    .map((each) => `${stringifyExact(bulkAction(each))}\n${stringifyExact(each.source)}\n`)
    .join("");
  const { body } = await nodes.change(what, (client, options) =>
    exactRequest(client, options, {
      method: "POST",
      path: "/_bulk",
      // Salvaged documents have been through their ingest pipeline; a second time could change them.
      querystring: { pipeline: "_none", timeout: ackTimeouts(nodes).timeout },
      bulkBody,
    }),
  );
  const { items } = parseAnswer(nodes, what, bulkAnswer, body);
  if (items.length !== writes.length) throw unexpected(nodes, what, `${items.length} answers`);
  return items.map((item) => resultOf(Object.values(item)[0]));
}

function bulkAction({ index, id, routing, condition }: ConditionalWrite): unknown {
  const target = { _index: index, _id: id, ...(routing === null ? {} : { routing }) };
  return condition.kind === "absent"
    ? { create: target }
    : { index: { ...target, if_seq_no: condition.seqNo, if_primary_term: condition.primaryTerm } };
}

function resultOf(item: z.output<typeof bulkItem> | undefined): WriteResult {
  if (item === undefined) return { kind: "failed", reason: "the cluster did not answer for this write" };
  if (item.status === 409) return { kind: "conflict" };
  if (item.status >= 200 && item.status < 300 && item.error === undefined) return { kind: "written" };
  const { type, reason } = item.error ?? { type: `HTTP ${item.status}`, reason: null };
  return { kind: "failed", reason: `${type}: ${reason ?? "no reason given"}` };
}
