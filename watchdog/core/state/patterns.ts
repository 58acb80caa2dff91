/** Which indices are managed: replicated, watched and promoted. */
export interface ManagedPatterns {
  /** Index patterns with `*`. */
  readonly patterns: readonly string[];
  readonly exclusions: readonly string[];
}

/** Name of the data stream whose backing index bears this name (`.ds-<stream>-<date>-<generation>`), or null. */
export function dataStreamOfBackingIndex(index: string): string | null {
  return /^\.ds-(.+)-\d{4}\.\d{2}\.\d{2}-\d{6,}$/.exec(index)?.[1] ?? null;
}

/** Whether the patterns name this index; a data stream's backing index counts as its stream. */
export function isManaged(managed: ManagedPatterns, index: string): boolean {
  const name = dataStreamOfBackingIndex(index) ?? index;
  return (
    managed.patterns.some((pattern) => matches(pattern, name)) &&
    !managed.exclusions.some((pattern) => matches(pattern, name) || matches(pattern, index))
  );
}

/** `*` stands for any run of characters, as in Elasticsearch; nothing else is special. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*");
  const first = parts[0] ?? "";
  if (parts.length === 1) return name === first;
  const last = parts.at(-1) ?? "";
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let position = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return position <= name.length - last.length;
}

/**
 * The patterns as a target of requests that would fail, or wait, for a name without `*` that does not exist. Wider
 * than the patterns: filter what comes back with `isManaged`.
 */
export function requestTarget(managed: ManagedPatterns): string[] {
  return managed.patterns.map((pattern) => (pattern.includes("*") ? pattern : `${pattern}*`));
}
