import { z } from "zod";
import { contentHash } from "../../salvage/operation.ts";
import type { DocumentCopy, DocumentReference } from "../../salvage/ports.ts";
import { rejected } from "./acknowledgement.ts";
import { documentSource, revision } from "./document-fields.ts";
import { exactRequest, parseAnswer } from "./exact-request.ts";
import type { RegionNodes } from "./nodes.ts";

const mgetDocument = z.union([
  z.object({ error: z.object({ type: z.string(), reason: z.string().nullish() }) }),
  documentSource.extend({ found: z.literal(true), ...revision }),
  z.object({ found: z.literal(false) }),
]);
const mgetAnswer = z.object({ docs: z.array(mgetDocument) });

/** The present copy of each document, in the order of the references; null where there is none. */
export async function readDocuments(
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
  if (docs.length !== references.length) throw rejected(nodes, what, `${docs.length} answers`);
  return docs.map((doc) => copyOf(nodes, what, doc));
}

function copyOf(nodes: RegionNodes, what: string, doc: z.output<typeof mgetDocument>): DocumentCopy | null {
  if ("error" in doc) {
    if (doc.error.type === "index_not_found_exception") return null;
    throw rejected(nodes, what, `${doc.error.type}: ${doc.error.reason ?? "no reason given"}`);
  }
  if (!doc.found) return null;
  return {
    seqNo: doc._seq_no,
    primaryTerm: doc._primary_term,
    version: doc._version,
    contentHash: contentHash({ routing: doc._routing ?? null, source: doc._source ?? null }),
  };
}
