import type { Random } from "../random.ts";

/** Small indices are copied within a second, some take several at full speed, and minutes on a slow line. */
const LARGE_SHARE = 0.15;
const SMALL_KILOBYTES = [0, 4_000] as const;
const LARGE_KILOBYTES = [4_000, 20_000] as const;
export const USUAL_KILOBYTES_PER_MS = 5;

/** For how long the attempts of one copy last while the leader or the line is gone; then it has failed for good. */
const ATTEMPTS_LAST_MS = [500, 6_000] as const;

export function anySize(random: Random): number {
  const [from, to] = random.chance(LARGE_SHARE) ? LARGE_KILOBYTES : SMALL_KILOBYTES;
  return random.between(from, to);
}

/** The first copy of a follower: by files, of its leader's last commit. */
export interface FirstCopy {
  /** What it brings: later operations come by replication, once it is complete. */
  readonly operations: readonly string[];
  readonly kilobytesTotal: number;
  kilobytesDone: number;
  readonly startedMs: number;
  readonly attemptsLastMs: number;
  /** Since when its leader or the line is gone; null while they are there. */
  interruptedAtMs: number | null;
  /** Set once it has failed: only deleting the index and following again helps. */
  error: string | null;
  /** Whether a restart of the whole cluster has ended it: only deleting the index and following again helps. */
  isForgotten: boolean;
}

/** What the copy takes of its leader. */
interface CopySource {
  readonly operations: readonly string[];
  readonly historyFrom: number;
  readonly kilobytes: number;
}

/** What is older than the leader's history is in its last commit, and none, some or all of what came later. */
export const beginCopy = (source: CopySource, nowMs: number, random: Random): FirstCopy => ({
  operations: source.operations.slice(0, random.between(source.historyFrom, source.operations.length)),
  kilobytesTotal: source.kilobytes,
  kilobytesDone: 0,
  startedMs: nowMs,
  attemptsLastMs: random.between(...ATTEMPTS_LAST_MS),
  interruptedAtMs: null,
  error: null,
  isForgotten: false,
});

/** One round of a copy that has not failed; true once it is complete. `kilobytes`: what the line carries in a round. */
export function advanceCopy(copy: FirstCopy, isSourceThere: boolean, nowMs: number, kilobytes: number): boolean {
  if (!isSourceThere) {
    copy.interruptedAtMs ??= nowMs;
    if (nowMs - copy.interruptedAtMs >= copy.attemptsLastMs) {
      copy.error = "ALLOCATION_FAILED: failed recovery, failure RestoreFailedException[restore source missing]";
    }
    return false;
  }
  // The next attempt begins with the first file.
  if (copy.interruptedAtMs !== null) copy.kilobytesDone = 0;
  copy.interruptedAtMs = null;
  copy.kilobytesDone = Math.min(copy.kilobytesTotal, copy.kilobytesDone + kilobytes);
  return copy.kilobytesDone === copy.kilobytesTotal;
}
