import type {
  DocumentReader,
  DocumentWriter,
  IndexCreator,
  IndexIdentity,
  OperationReader,
} from "../../salvage/ports.ts";
import { rejected } from "./acknowledgement.ts";
import { readDocuments } from "./document-copies.ts";
import { writeDocuments } from "./document-writes.ts";
import { createIndex, readIndexDefinitions, readSizes } from "./index-definitions.ts";
import { inChunks } from "./names.ts";
import type { NodesOptions } from "./node-client.ts";
import { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";
import { readOperations } from "./shard-search.ts";

/** Bound on one page, batch or bulk request, milliseconds: a shard just started may have to warm up first. */
export const DOCUMENT_TIMEOUT_MS = 30_000;

/** Documents of one region, over its REST API. The user needs read, write, maintenance and view_index_metadata. */
export interface ElasticsearchDocuments extends OperationReader, DocumentReader, DocumentWriter, IndexCreator {
  close(): Promise<void>;
}

/** @throws Error when the CA file cannot be read */
export function createElasticsearchDocuments(options: NodesOptions): ElasticsearchDocuments {
  const nodes = new RegionNodes(options);
  return {
    refresh: (indices) => refresh(nodes, indices),
    sizes: (indices) => readSizes(nodes, indices),
    definitionsOf: (indices) => readIndexDefinitions(nodes, indices),
    createIndex: (index, definition) => createIndex(nodes, index, definition),
    readOperations: (range) => readOperations(nodes, range),
    documents: (references) => readDocuments(nodes, references),
    identify: (indices) => identify(nodes, indices),
    write: (writes) => writeDocuments(nodes, writes),
    close: () => nodes.close(),
  };
}

async function refresh(nodes: RegionNodes, indices: readonly string[]): Promise<void> {
  for (const index of inChunks(indices)) {
    const answer = await nodes.change("refresh indices", (client, options) =>
      client.indices.refresh({ index, expand_wildcards: "none" }, options),
    );
    if ((answer._shards?.failed ?? 0) > 0) throw rejected(nodes, "refresh indices", "some shards did not refresh");
  }
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
      found.set(name, {
        uuid: String(property(settings, "index.uuid")),
        createdAtMs: Number(property(settings, "index.creation_date")),
      });
    }
  }
  return found;
}
