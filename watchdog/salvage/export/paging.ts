/** Bounds of a page of documents. */
export interface PageBounds {
  readonly firstDocuments: number;
  readonly maxDocuments: number;
  /** Pages shrink and grow towards this size, so that memory stays bounded for documents of any size. */
  readonly targetBytes: number;
}

export const defaultPageBounds: PageBounds = { firstDocuments: 50, maxDocuments: 2_000, targetBytes: 4 * 1024 * 1024 };

/** How many documents to request next, by the size of the last page. */
export function nextPageSize(last: { documents: number; bytes: number }, bounds: PageBounds): number {
  const bytesPerDocument = Math.max(1, last.bytes / Math.max(1, last.documents));
  const fitting = Math.floor(bounds.targetBytes / bytesPerDocument);
  // At most doubled, because the next documents may be larger.
  return Math.max(1, Math.min(fitting, last.documents * 2, bounds.maxDocuments));
}
