import { ClusterError } from "../../core/ports/cluster.ts";
import { mapBounded } from "../../util/concurrency.ts";
import { listed } from "../../util/text.ts";

/**
 * Elasticsearch refuses a request line above 4 096 bytes (http.max_initial_line_length), so long lists of names go out in
 * several requests.
 */
const NAMES_BYTES_MAX = 3_000;

/** Splits names into lists that each fit one request line. */
export function inChunks(indices: readonly string[]): readonly string[][] {
  const chunks: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const index of indices) {
    // A comma is sent as %2C.
    const cost = encodeURIComponent(index).length + 3;
    if (bytes + cost > NAMES_BYTES_MAX) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(index);
    bytes += cost;
  }
  return chunks;
}

/** Bounds what a region with thousands of indices is asked at once. */
const CHUNKS_AT_ONCE = 4;

/**
 * Reads about indices by name, in chunks. A chunk of which a name is missing is read again in halves, so that an index
 * deleted in between is left out.
 *
 * @param read called with names that fit one request
 * @throws ClusterError
 */
export async function readByName<T>(
  indices: readonly string[],
  read: (index: string[]) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const readPresent = async (index: string[]): Promise<readonly T[]> => {
    try {
      return await read(index);
    } catch (error) {
      if (!(error instanceof ClusterError && error.kind === "not-found")) throw error;
      if (index.length === 1) return [];
      const middle = index.length >> 1;
      return [...(await readPresent(index.slice(0, middle))), ...(await readPresent(index.slice(middle)))];
    }
  };
  return (await mapBounded(inChunks(indices), CHUNKS_AT_ONCE, readPresent)).flat();
}

/** Names for a message: all of a few, the first ones of many. */
export const listNames = (indices: readonly string[]): string => listed(indices, 3);
