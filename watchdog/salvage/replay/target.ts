import { dataStreamOfBackingIndex } from "../../core/state/patterns.ts";
import type { DocumentReader } from "../ports.ts";

/**
 * Where an index's missing documents are created: a backing index accepts none under its own name, and the data stream routes
 * them to its write index.
 */
export const targetOf = (index: string): string => dataStreamOfBackingIndex(index) ?? index;

/** Whether the active region has what the documents of an index are written to. */
export async function targetExists(active: Pick<DocumentReader, "identify">, index: string): Promise<boolean> {
  const target = targetOf(index);
  const found = await active.identify([target]);
  // The name of a data stream gives its backing indices.
  return target === index ? found.has(index) : found.size > 0;
}
