/** Which indices are managed: replicated, monitored and promoted. */
export interface ManagedPatterns {
  /** Index patterns with `*`. */
  readonly patterns: readonly string[];
  readonly exclusions: readonly string[];
}

/** Name of the data stream that an index of this name backs (`.ds-<stream>-<date>-<generation>`), or null. */
export function dataStreamOfBackingIndex(index: string): string | null {
  return /^\.ds-(.+)-\d{4}\.\d{2}\.\d{2}-\d{6,}$/.exec(index)?.[1] ?? null;
}

/** Whether an index of this name is of a data stream's failure store (`.fs-<stream>-<date>-<generation>`). */
export function isOfFailureStore(index: string): boolean {
  return /^\.fs-.+-\d{4}\.\d{2}\.\d{2}-\d{6,}$/.test(index);
}

/** Whether the patterns match this index; a backing index is matched by the name of its data stream, one of a failure store never. */
export function isManaged(managed: ManagedPatterns, index: string): boolean {
  if (isOfFailureStore(index)) return false;
  const name = dataStreamOfBackingIndex(index) ?? index;
  return (
    managed.patterns.some((pattern) => matches(pattern, name)) &&
    !managed.exclusions.some((pattern) => matches(pattern, name) || matches(pattern, index))
  );
}

/** `*` matches any run of characters, as in Elasticsearch; nothing else is special. */
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
 * The patterns as the target of a request that would fail, or wait, on a name without `*` that does not exist. Wider
 * than the patterns: filter the response with `isManaged`.
 */
export function requestTarget(managed: ManagedPatterns): string[] {
  return managed.patterns.map((pattern) => (pattern.includes("*") ? pattern : `${pattern}*`));
}
