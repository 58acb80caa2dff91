import type { HistoryEntry } from "../../../watchdog/core/state/history.ts";
import type { ServingRecord } from "../../../watchdog/core/state/record.ts";

/** A record and its history entry, for tests of stores. */
export function stateRecord(epoch: number, sequence = epoch): ServingRecord {
  return {
    schemaVersion: 1,
    epoch,
    sequence,
    cause: "test",
    startedAtMs: 0,
    blockedUntilMs: null,
    paused: null,
    lastFailover: null,
    writeBlocks: null,
    halfPromoted: null,
    filledAtMs: null,
    watchdogs: [],
    phase: "serving",
    active: "gra",
    standby: "absent",
    inSyncAtMs: null,
    inSyncSinceMs: null,
    allProtectedAtMs: null,
    plan: null,
    request: null,
    discardTriedAtMs: null,
    deletedLeaders: [],
    unfinishedCopies: [],
  };
}

export function historyEntry(epoch: number, watchdog = "w"): HistoryEntry {
  return { atMs: Date.now(), epoch, rule: "test", explanation: "", watchdog };
}
