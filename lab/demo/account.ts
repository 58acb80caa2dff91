import type { Receipt } from "../../watchdog/salvage/receipt.ts";

/** Every acknowledged write of a journey there and home again, by id where it mattered. */
export interface ReadBacks {
  /** Acknowledged writes that the new region did not have after the failover. */
  readonly afterFailover: readonly string[];
  /** Those that it did not have after the replay. */
  readonly afterReplay: readonly string[];
  /** Those that the first region did not have after the switchover, with the load at rest. */
  readonly atTheEnd: readonly string[];
  readonly foundAtTheEnd: number;
}

/** What became of the acknowledged writes: each is in exactly one of the first four. */
export interface Account {
  /** There without help. */
  readonly found: number;
  /** Missing after the failover, brought back by the replay. */
  readonly replayed: number;
  /** Missing after the failover, and for good. */
  readonly missing: number;
  /** There once, and gone: while a region served, in the replay, or in the switchover. */
  readonly lostLater: number;
  /** Of these, the ones that the switchover lost. */
  readonly lostInSwitchover: number;
}

/** Pure. */
export function accountOf({ afterFailover, afterReplay, atTheEnd, foundAtTheEnd }: ReadBacks): Account {
  const missingFirst = new Set(afterFailover);
  const missingThen = new Set(afterReplay);
  const gone = new Set(atTheEnd);
  const missing = atTheEnd.filter((id) => missingFirst.has(id) && missingThen.has(id)).length;
  const replayed = afterFailover.filter((id) => !gone.has(id)).length;
  return {
    found: foundAtTheEnd - replayed,
    replayed,
    missing,
    lostLater: atTheEnd.length - missing,
    lostInSwitchover: atTheEnd.filter((id) => !missingThen.has(id)).length,
  };
}

/** Operations of an old primary above the checkpoints, as its receipt counts them. */
export function heldAlone({ operations, indices }: Receipt): { readonly exported: number; readonly invisible: number } {
  const shards = indices.flatMap((index) => index.shards);
  return { exported: operations.count, invisible: shards.reduce((sum, { invisible }) => sum + invisible, 0) };
}
