import { z } from "zod";
import { exactInteger } from "../../util/exact-json.ts";

/**
 * Since 9.2 vectors are left out of `_source` unless asked for, and a document salvaged without them could not be
 * restored.
 */
export const WHOLE_SOURCE = { exclude_vectors: false };

export const documentSource = z.object({ _source: z.unknown().optional(), _routing: z.string().optional() });

/** Identifies a version of a document. */
export const revision = { _seq_no: z.number(), _primary_term: z.number(), _version: exactInteger };
