import { matchesPattern } from "../../util/wildcard.ts";

/** Which indices are managed: replicated, monitored and promoted. */
export interface ManagedPatterns {
  /** Index patterns with `*`. */
  readonly patterns: readonly string[];
  readonly exclusions: readonly string[];
}

/** Name of the data stream that an index of this name backs (`.ds-<stream>-<date>-<generation>`), or null. */
export function dataStreamOfBackingIndex(index: string): string | null {
  if (!index.startsWith(".ds-")) return null;
  return /^\.ds-(.+)-\d{4}\.\d{2}\.\d{2}-\d{6,}$/.exec(index)?.[1] ?? null;
}

/** Whether an index of this name is of a data stream's failure store (`.fs-<stream>-<date>-<generation>`). */
export function isOfFailureStore(index: string): boolean {
  return index.startsWith(".fs-") && /^\.fs-.+-\d{4}\.\d{2}\.\d{2}-\d{6,}$/.test(index);
}

/** Whether the patterns match this index; a backing index is matched by the name of its data stream, one of a failure store never. */
export function isManaged(managed: ManagedPatterns, index: string): boolean {
  if (isOfFailureStore(index)) return false;
  const name = dataStreamOfBackingIndex(index) ?? index;
  return (
    managed.patterns.some((pattern) => matchesPattern(pattern, name)) &&
    !managed.exclusions.some((pattern) => matchesPattern(pattern, name) || matchesPattern(pattern, index))
  );
}

/**
 * The patterns as the target of a request that would fail, or wait, on a name without `*` that does not exist. Wider
 * than the patterns: filter the response with `isManaged`.
 */
export function requestTarget(managed: ManagedPatterns): string[] {
  return managed.patterns.map((pattern) => (pattern.includes("*") ? pattern : `${pattern}*`));
}
