/** Which acknowledged writes each read-back did not find, by id. */
export interface ReadBacks {
  /** Missing in bhs after the failover. */
  readonly afterFailover: readonly string[];
  /** Missing in bhs after the replay. */
  readonly afterReplay: readonly string[];
  /** Missing in gra after the switchover, with the load stopped. */
  readonly atTheEnd: readonly string[];
  readonly foundAtTheEnd: number;
}

/** What became of the acknowledged writes: each counts in exactly one of `found`, `replayed`, `missing`, `lostLater`. */
export interface Account {
  /** Never missing. */
  readonly found: number;
  /** Missing after the failover, restored by the replay. */
  readonly replayed: number;
  /** Missing since the failover. */
  readonly missing: number;
  /** Found once and missing at the end: lost while a region served, in the replay, or in the switchover. */
  readonly lostLater: number;
  /** The part of `lostLater` that the switchover lost. */
  readonly lostInSwitchover: number;
}

export function accountOf({ afterFailover, afterReplay, atTheEnd, foundAtTheEnd }: ReadBacks): Account {
  const missingAfterFailover = new Set(afterFailover);
  const missingAfterReplay = new Set(afterReplay);
  const missingAtTheEnd = new Set(atTheEnd);
  const missing = atTheEnd.filter((id) => missingAfterFailover.has(id) && missingAfterReplay.has(id)).length;
  const replayed = afterFailover.filter((id) => !missingAtTheEnd.has(id)).length;
  return {
    found: foundAtTheEnd - replayed,
    replayed,
    missing,
    lostLater: atTheEnd.length - missing,
    lostInSwitchover: atTheEnd.filter((id) => !missingAfterReplay.has(id)).length,
  };
}
