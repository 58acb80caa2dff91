import type { RegionName } from "../../../../watchdog/config/address.ts";

/** The task of a follower index. */
export interface Following {
  readonly remote: RegionName;
  readonly leaderIndex: string;
  readonly leaderUuid: string;
  /** The first copy goes by files, so it needs no history of the leader. */
  isCopied: boolean;
  status: "active" | "paused";
  /** The leader's checkpoint as last read. A task that was just resumed knows only its own. */
  leaderCheckpoint: number;
  lastReadMs: number;
  readError: string | null;
  fatal: string | null;
}

export interface SimIndex {
  readonly name: string;
  readonly uuid: string;
  readonly createdMs: number;
  open: boolean;
  /** It lacks its primary until then. */
  startingUntilMs: number;
  /** Ids of the writes, in order: a sequence number is a position in this list. */
  readonly operations: string[];
  aliases: { alias: string; isWriteIndex: boolean }[];
  writeBlocked: boolean;
  /** Operations before this position can be read as documents, but no longer one by one. */
  historyFrom: number;
  following: Following | null;
}

export const takesWrites = ({ open, following, writeBlocked }: SimIndex) => open && following === null && !writeBlocked;

interface TaskStart {
  readonly remote: RegionName;
  readonly leader: Pick<SimIndex, "name" | "uuid">;
  readonly nowMs: number;
  readonly checkpoint: number;
}

export const newTask = ({ remote, leader, nowMs, checkpoint }: TaskStart): Following => ({
  remote,
  leaderIndex: leader.name,
  leaderUuid: leader.uuid,
  isCopied: false,
  status: "active",
  leaderCheckpoint: checkpoint,
  lastReadMs: nowMs,
  readError: null,
  fatal: null,
});
