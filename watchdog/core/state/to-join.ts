import type { IndexState } from "./cluster.ts";
import type { LastFailover, ServingRecord, StateRecord } from "./record.ts";

/** Followers that the last change left out although no first copy ran, and that have not joined the active region yet. */

/** Delay until a repair tries again, doubled with each attempt up to the limit: a snapshot may last for hours. */
const RETRY_FIRST_MS = 15_000;
const RETRY_MAX_MS = 120_000;

type ToJoin = NonNullable<LastFailover["toJoin"]>;

function toJoinOf(record: StateRecord | null): ToJoin | null {
  if (record?.phase !== "serving" || record.lastFailover?.to !== record.active) return null;
  return record.lastFailover.toJoin ?? null;
}

/** Their names. */
export const indicesToJoin = (record: StateRecord | null): readonly string[] => toJoinOf(record)?.indices ?? [];

/**
 * Those of which the change could read no checkpoint: nothing shows that they ever were complete. Of them the former primary
 * is salvaged as a whole, whatever becomes of them in the active region.
 */
export function unreadToJoin({ toJoin, checkpoints }: Pick<LastFailover, "toJoin" | "checkpoints">): readonly string[] {
  const read = new Set(checkpoints.map(({ index }) => index));
  return toJoin?.indices.filter((name) => !read.has(name)) ?? [];
}

/**
 * Indices of the active region that it serves, and that the standby can follow: one that was left out may still be a
 * follower of the standby's own.
 */
export function servedOf<T extends Pick<IndexState, "name" | "following">>(
  record: StateRecord | null,
  indices: readonly T[],
): readonly T[] {
  const waiting = new Set(indicesToJoin(record));
  const isServed = ({ name, following }: T) => !following && !waiting.has(name);
  return indices.every(isServed) ? indices : indices.filter(isServed);
}

/** When a repair tries them next; null where there are none. */
export function nextJoinAtMs(record: ServingRecord): number | null {
  const toJoin = toJoinOf(record);
  if (toJoin === null) return null;
  const { attempts, triedAtMs } = toJoin;
  return (triedAtMs ?? record.startedAtMs) + Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 10));
}

/** What became of indices that were to join. */
export interface JoinOutcome {
  /** With the aliases that write to one of them. */
  readonly joined: readonly string[];
  /** Those that an operator has deleted in the active region. */
  readonly gone: readonly string[];
  /** Those that have not joined, and why. */
  readonly left: LastFailover["leftOut"];
}

/**
 * The last change after a repair. What is gone stays missing; its checkpoints go with it, because only the former primary has
 * what they count as replicated: all of that is salvaged.
 */
export function withJoined(
  lastFailover: LastFailover,
  { joined, gone, left }: JoinOutcome,
  nowMs: number,
): LastFailover {
  const { toJoin, ...rest } = lastFailover;
  const names = left.map(({ index }) => index);
  const isKnown = (name: string) => joined.includes(name) || names.includes(name);
  return {
    ...rest,
    checkpoints: rest.checkpoints.filter(({ index }) => !gone.includes(index)),
    missingIndices: [...rest.missingIndices.filter((name) => !isKnown(name)), ...names],
    leftOut: [...rest.leftOut.filter(({ index }) => !isKnown(index)), ...left],
    ...(names.length === 0
      ? {}
      : { toJoin: { indices: names, attempts: (toJoin?.attempts ?? 0) + 1, triedAtMs: nowMs } }),
  };
}
