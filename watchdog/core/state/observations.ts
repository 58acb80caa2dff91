import type { RegionName } from "../../config/address.ts";
import type { AutoFollowPattern, ClusterReadiness, DataStreamState, Follower, IndexState } from "./cluster.ts";
import type { RegionHealth } from "./health.ts";
import type { Member, StateRecord } from "./record.ts";
import type { LeaderSnapshot } from "./record-fields.ts";
import type { SiteReport } from "./sites.ts";
import type { SyncJudgement } from "./sync.ts";

/** A router that may still be routing: it holds a lease. */
export interface RouterLease {
  readonly router: string;
  /** The highest epoch for which the router has emptied its tickets or opened to the new region. */
  readonly acknowledgedEpoch: number;
}

/** What the standby (or the region that is being promoted) showed at the last look. */
export interface StandbySnapshot {
  readonly region: RegionName;
  readonly observedAtMs: number;
  readonly readiness: ClusterReadiness;
  readonly indices: readonly IndexState[];
  readonly followers: readonly Follower[];
  readonly autoFollow: readonly AutoFollowPattern[];
  readonly dataStreams: readonly DataStreamState[];
  /** Whether it is in sync with the active region; null when that one did not answer, so nothing can be said. */
  readonly sync: SyncJudgement | null;
}

/** What the active region showed at the last look. */
export interface ActiveSnapshot {
  readonly region: RegionName;
  readonly observedAtMs: number;
  readonly readiness: ClusterReadiness;
  readonly indices: readonly IndexState[];
  /** Indices that follow the other region although this one is active: they refuse writes. */
  readonly strays: readonly string[];
}

/** What a region showed while there was no record at all: enough to see that it is somebody's follower. */
export interface FirstSnapshot {
  readonly region: RegionName;
  /** Managed indices that follow the other region. */
  readonly following: readonly string[];
}

/** Who decides at a moment. */
export interface Leadership {
  /** Whether this watchdog does; it looks at the clock again right before it acts. */
  readonly leading: boolean;
  /** Who does, where that is known. */
  readonly leader: string | null;
  /** Why the others could not be asked; null when they could. */
  readonly error: string | null;
}

/** Everything one watchdog knows at a moment; the only thing beside record, time and configuration it decides from. */
export interface Observations {
  readonly health: Readonly<Record<RegionName, RegionHealth>>;
  /** What every site says, this one included. */
  readonly sites: readonly SiteReport[];
  readonly standby: StandbySnapshot | null;
  /** null before the first look since it became active, or while it does not answer. */
  readonly active: ActiveSnapshot | null;
  /** Why there is no (newer) look at the standby. */
  readonly standbyError: string | null;
  /** When this watchdog itself last saw the standby in sync with a healthy active region; null after a restart. */
  readonly inSyncSeenAtMs: number | null;
  readonly leaderSight: LeaderSnapshot | null;
  /** Routers that hold a lease; null when the store did not say. */
  readonly routers: readonly RouterLease[] | null;
  readonly store: { readonly reachable: boolean; readonly error: string | null };
  readonly leadership: Leadership;
  /** Watchdogs that have made themselves known, this one included. */
  readonly known: readonly Member[];
  /** How long this watchdog's promises in failsafe still bind it: until then it promotes nothing. */
  readonly promisedForMs: number;
  /** How long it has known that the store was filled from a copy; null when the record says nothing of the kind. */
  readonly filledKnownForMs: number | null;
  /** Reasons for not trusting oneself; empty when all is well. */
  readonly selfDoubt: readonly string[];
  /** The newest copy of the record on any watchdog's own disk. */
  readonly newestCopy: StateRecord | null;
  /** Why this watchdog's own copy could not be read; null when it could, or when there is none. */
  readonly copyError: string | null;
  /** Looks at the regions while there is no record. */
  readonly firstLooks: readonly FirstSnapshot[];
}
