import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson, exactInteger, exactNumber, parseExact, stringifyExact } from "../util/exact-json.ts";

/** The last operation on a document of an old primary, as REST returns it: never a delete. */
export interface SalvagedOperation {
  readonly index: string;
  readonly shard: number;
  readonly id: string;
  readonly routing: string | null;
  readonly seqNo: number;
  readonly primaryTerm: number;
  /** Counts the changes of the document, or is what the application set by external versioning: 64 bits. */
  readonly version: bigint;
  /**
   * The document as `parseExact` reads it; null when the index keeps no `_source`. Elasticsearch returns what the
   * application sent, except where it rebuilds the source (synthetic source, indices with vectors): there it returns
   * decimals as doubles, in both regions alike.
   */
  readonly source: unknown;
}

const operationLine = z.strictObject({
  index: z.string(),
  shard: z.number(),
  id: z.string(),
  routing: z.string().nullable(),
  seqNo: z.number(),
  primaryTerm: z.number(),
  version: exactInteger,
  source: z.unknown(),
});

/** A line of the export, without the line break. */
export function operationToLine(operation: SalvagedOperation): string {
  return stringifyExact({
    index: operation.index,
    shard: operation.shard,
    id: operation.id,
    routing: operation.routing,
    seqNo: operation.seqNo,
    primaryTerm: operation.primaryTerm,
    version: exactNumber(operation.version),
    source: operation.source,
  });
}

/** @throws Error when the line is not an operation. */
export function operationFromLine(line: string): SalvagedOperation {
  return operationLine.parse(parseExact(line));
}

/**
 * Hash of what an application wrote: content and routing. Null without content to compare (an index without `_source`).
 */
export function contentHash(document: { readonly routing: string | null; readonly source: unknown }): string | null {
  if (document.source === null || document.source === undefined) return null;
  const content = canonicalJson([document.routing, document.source]);
  return createHash("sha256").update(content).digest("hex");
}
