import { isManaged } from "./patterns.ts";

/**
 * Those of the indices that an automatic failover must not leave behind, by `replication.required`. Where its patterns match
 * none of them, as after a typing error, all count: else a standby with nothing in it would be in sync.
 */
export function requiredOf(indices: readonly string[], patterns: readonly string[]): ReadonlySet<string> {
  const managed = { patterns, exclusions: [] };
  const required = indices.filter((index) => isManaged(managed, index));
  return new Set(required.length === 0 ? indices : required);
}
