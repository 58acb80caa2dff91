/** Bounds on one page of documents. */
export interface PageBounds {
  readonly firstDocuments: number;
  readonly maxDocuments: number;
  /** Pages are made smaller or larger towards this size, so that memory stays bounded whatever documents weigh. */
  readonly targetBytes: number;
}

export const defaultPageBounds: PageBounds = { firstDocuments: 50, maxDocuments: 2_000, targetBytes: 4 * 1024 * 1024 };

/** How many documents to ask for next, from what the last page held. */
export function nextPageSize(last: { documents: number; bytes: number }, bounds: PageBounds): number {
  const bytesPerDocument = Math.max(1, last.bytes / Math.max(1, last.documents));
  const fitting = Math.floor(bounds.targetBytes / bytesPerDocument);
  // Growing at most twofold: the next documents may be heavier than the ones just seen.
  return Math.max(1, Math.min(fitting, last.documents * 2, bounds.maxDocuments));
}
