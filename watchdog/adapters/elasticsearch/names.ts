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

/** Names for a message: all of a few, the first ones of many. */
export function listNames(indices: readonly string[]): string {
  const shown = indices.slice(0, 3).join(", ");
  return indices.length > 3 ? `${shown} and ${indices.length - 3} more` : shown;
}
