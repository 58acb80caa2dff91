import type { IndexState } from "./cluster.ts";
import type { LastFailover, ServingRecord, StateRecord } from "./record.ts";

/** Complete copies that the last change left out, and that have not joined the active region yet. */

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

/** The last change after a repair: `joined` have joined, among them aliases that write to one, and `left` has those that have not, and why. */
export function withJoined(
  lastFailover: LastFailover,
  joined: readonly string[],
  left: LastFailover["leftOut"],
  nowMs: number,
): LastFailover {
  const { toJoin, ...rest } = lastFailover;
  const names = left.map(({ index }) => index);
  const isKnown = (name: string) => joined.includes(name) || names.includes(name);
  return {
    ...rest,
    missingIndices: [...rest.missingIndices.filter((name) => !isKnown(name)), ...names],
    leftOut: [...rest.leftOut.filter(({ index }) => !isKnown(index)), ...left],
    ...(names.length === 0
      ? {}
      : { toJoin: { indices: names, attempts: (toJoin?.attempts ?? 0) + 1, triedAtMs: nowMs } }),
  };
}
