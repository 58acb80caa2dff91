import type { RegionName } from "../../config/address.ts";
import type {
  AutoFollowPattern,
  ClusterReadiness,
  DataStreamState,
  Follower,
  IndexState,
  ShardCheckpoint,
  UnmatchedIndex,
} from "./cluster.ts";
import type { RegionHealth } from "./health.ts";
import type { HookReports } from "./hooks.ts";
import type { Silence } from "./members.ts";
import type { Member, StateRecord } from "./record.ts";
import type { IndexUuid, LeaderSnapshot } from "./record-fields.ts";
import type { SiteReport } from "./sites.ts";
import type { SyncJudgement } from "./sync.ts";

/** A router that may still route: it holds a lease. */
export interface RouterLease {
  readonly router: string;
  /** The highest epoch for which the router has emptied its tickets, or has opened to the new region. */
  readonly acknowledgedEpoch: number;
}

/** The last snapshot of the standby, or of the region that is being promoted. */
export interface StandbySnapshot {
  readonly region: RegionName;
  readonly observedAtMs: number;
  readonly readiness: ClusterReadiness;
  readonly indices: readonly IndexState[];
  readonly followers: readonly Follower[];
  readonly autoFollow: readonly AutoFollowPattern[];
  readonly dataStreams: readonly DataStreamState[];
  /** Of copies that may be complete without following: see complete-copies.ts. */
  readonly checkpoints: readonly ShardCheckpoint[];
  /** Whether it is in sync with the active region; null when there is no recent snapshot of that one to compare with. */
  readonly sync: SyncJudgement | null;
}

/** The last snapshot of the active region. */
export interface ActiveSnapshot {
  readonly region: RegionName;
  readonly observedAtMs: number;
  readonly readiness: ClusterReadiness;
  readonly indices: readonly IndexState[];
  readonly dataStreams: readonly DataStreamState[];
  /** Unexpected followers: indices that follow the other region although this one is active, and refuse writes. */
  readonly strays: readonly string[];
  readonly unmatched: readonly UnmatchedIndex[];
}

/** A region while there is no record: enough to see whether it follows the other one. */
export interface FirstSnapshot {
  readonly region: RegionName;
  /** Managed indices that follow the other region. */
  readonly following: readonly string[];
}

/** Which watchdog is the controller. */
export interface Leadership {
  /** Whether this watchdog is; it compares its lease with the clock again right before it acts. */
  readonly leading: boolean;
  /** Name of the controller, where that is known. */
  readonly leader: string | null;
  /** Why the election could not be read; null when it could. */
  readonly error: string | null;
}

/**
 * The observed state of one watchdog: with the record, the time and the configuration all that it decides from. Field
 * names are persisted in recorded situations (`es-failover simulate --save`).
 */
export interface Observations {
  readonly health: Readonly<Record<RegionName, RegionHealth>>;
  /** The report of every site, this one included. */
  readonly sites: readonly SiteReport[];
  readonly standby: StandbySnapshot | null;
  /** null until the first snapshot since it became active, and while it does not answer. */
  readonly active: ActiveSnapshot | null;
  /** Why there is no newer snapshot of the standby; null when there is one. */
  readonly standbyError: string | null;
  /** When this watchdog itself last saw the standby in sync with a healthy active region; null since a restart. */
  readonly inSyncSeenAtMs: number | null;
  readonly leaderSight: LeaderSnapshot | null;
  /** Followers whose leaders were deleted, by this watchdog's own snapshots; null or absent when it cannot tell now. */
  readonly deletedLeaders?: readonly IndexUuid[] | null;
  /** Routers that hold a lease; null when the store did not answer. */
  readonly routers: readonly RouterLease[] | null;
  readonly store: {
    readonly reachable: boolean;
    readonly error: string | null;
    /** Why it takes no write although it answers; null or absent when it does. */
    readonly full?: string | null;
  };
  /** Why this version reads only a part of the record, or of a newer copy of it; null or absent when it reads all. */
  readonly newerVersion?: string | null;
  readonly leadership: Leadership;
  /** Watchdogs that have registered, this one included. */
  readonly known: readonly Member[];
  /** Those of them, and of the record's, that do not report. */
  readonly silence?: Silence;
  /** Time until the last failsafe grant that this watchdog gave or got expires: until then it promotes nothing. */
  readonly promisedForMs: number;
  /** How long this watchdog has known that the store was filled from a copy; null when it was not. */
  readonly filledKnownForMs: number | null;
  /** How long this watchdog has known the change that keeps routers closed; null or absent while none does. */
  readonly changeKnownForMs?: number | null;
  /** What the self-check found; empty when it passed. */
  readonly selfDoubt: readonly string[];
  /** The newest copy of the record on any watchdog's disk; null when there is none. */
  readonly newestCopy: StateRecord | null;
  /** Why this watchdog's own copy could not be read; null when it could, and when there is none. */
  readonly copyError: string | null;
  /** Snapshots of the regions while there is no record. */
  readonly firstLooks: readonly FirstSnapshot[];
  /** The hooks that this watchdog has run; absent: none. */
  readonly hooks?: HookReports;
}
