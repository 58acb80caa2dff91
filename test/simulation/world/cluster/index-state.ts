import type { RegionName } from "../../../../watchdog/config/address.ts";
import type { FirstCopy } from "./first-copy.ts";

/** The task of a follower index. */
export interface Following {
  readonly remote: RegionName;
  readonly leaderIndex: string;
  readonly leaderUuid: string;
  status: "active" | "paused";
  /** The leader's checkpoint as last read. A task that was just resumed knows only its own. */
  leaderCheckpoint: number;
  /** Of the last read or attempt to read: with a leader that refuses connections it is no measure of the outage. */
  lastReadMs: number;
  readError: string | null;
  /** Since the task began. */
  reads: number;
  failedReads: number;
  /** Attempts to read since the last one that succeeded, and when the next one is due. */
  retries: number;
  retryAtMs: number;
  failedWrites: number;
  fatal: string | null;
  /** When the task takes over the leader's aliases. */
  aliasesAtMs: number;
}

export interface SimIndex {
  readonly name: string;
  readonly uuid: string;
  readonly createdMs: number;
  /** As its settings have it: a follower has its leader's. */
  readonly creationDateMs: number;
  /** How much a first copy of it moves. */
  readonly kilobytes: number;
  open: boolean;
  /** Whether users have closed it, and not opened it again. */
  isClosedByUsers: boolean;
  /** It lacks its primary until then. */
  startingUntilMs: number;
  /** Ids of the writes, in order: a sequence number is a position in this list. */
  readonly operations: string[];
  aliases: { alias: string; isWriteIndex: boolean }[];
  writeBlocked: boolean;
  readOnly: boolean;
  /** Until then a snapshot of its cluster holds it: it can be neither closed nor deleted. */
  snapshotUntilMs: number;
  /** Operations before this position can be read as documents, but no longer one by one. */
  historyFrom: number;
  following: Following | null;
  /** The first copy that its primary waits for; null once it is complete. */
  copy: FirstCopy | null;
  /** Whether the only copy of its primary is on the node that may be away. */
  isOnOneNode: boolean;
  /** When its first copy ended; null where it had none, or has not ended. */
  copiedAtMs: number | null;
  /** Whether nothing is written to it any more. */
  indexingComplete: boolean;
  readonly searchableSnapshot: boolean;
  /** When index lifecycle management paused it, to end its following; infinite until it does; null: nothing is begun. */
  unfollowingSinceMs: number | null;
}

/** Whether it has all of an index to which nothing is written any more: then it need not follow. */
export const isCompleteCopy = (copy: SimIndex, source: SimIndex): boolean =>
  source.indexingComplete &&
  copy.copy === null &&
  copy.creationDateMs === source.creationDateMs &&
  copy.operations.length === source.operations.length;

export const takesWrites = ({ open, following, writeBlocked, readOnly, copy }: SimIndex) =>
  open && following === null && copy === null && !writeBlocked && !readOnly;

interface TaskStart {
  readonly remote: RegionName;
  readonly leader: Pick<SimIndex, "name" | "uuid">;
  readonly nowMs: number;
  readonly checkpoint: number;
  readonly aliasesAtMs: number;
}

export const newTask = ({ remote, leader, nowMs, checkpoint, aliasesAtMs }: TaskStart): Following => ({
  remote,
  leaderIndex: leader.name,
  leaderUuid: leader.uuid,
  status: "active",
  leaderCheckpoint: checkpoint,
  lastReadMs: nowMs,
  readError: null,
  reads: 0,
  failedReads: 0,
  retries: 0,
  retryAtMs: nowMs,
  failedWrites: 0,
  fatal: null,
  aliasesAtMs,
});
