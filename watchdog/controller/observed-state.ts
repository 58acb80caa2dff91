import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { isStoreFull } from "../core/ports/store.ts";
import type { CanaryState } from "../core/state/canary.ts";
import type { ClusterLicence, Definition } from "../core/state/cluster.ts";
import { finishedChange } from "../core/state/finished-change.ts";
import { type RegionHealth, unknownHealth } from "../core/state/health.ts";
import type { HookReports } from "../core/state/hooks.ts";
import { type LagMemory, noLagMemory } from "../core/state/lag-time.ts";
import { memberOf, type Silence, silenceAfter } from "../core/state/members.ts";
import type { ActiveSnapshot, FirstSnapshot, RouterLease, StandbySnapshot } from "../core/state/observations.ts";
import { isNewer, type Member, type StateRecord } from "../core/state/record.ts";
import type { IndexUuid, LeaderSnapshot } from "../core/state/record-fields.ts";
import type { WatchdogReport } from "../core/state/report.ts";
import type { SnapshotState } from "../core/state/snapshots.ts";
import type { MemberSpace } from "../core/state/store-space.ts";
import { noSyncMemory, type SyncMemory } from "../core/state/sync.ts";
import { messageOf } from "../util/errors.ts";
import { Activity } from "./activity.ts";
import { CopyCheckpoints } from "./copy-checkpoints.ts";
import { KnownFor } from "./known-for.ts";

export type StandbyBackground = Pick<StandbySnapshot, "region" | "readiness" | "autoFollow" | "dataStreams">;

/** Everything one watchdog has observed. The loops write it; decisions and status read it. */
export class ObservedState {
  readonly activity = new Activity();
  readonly health: Map<RegionName, RegionHealth>;
  record: StateRecord | null = null;
  /** Why the store cannot be reached; null when it can. */
  storeError: string | null = "not asked yet";
  /** Why the store takes no write although it answers; null when it does. */
  storeFull: string | null = null;
  /** What each member of the store holds; null when unknown, or without a quota. */
  storeSpace: readonly MemberSpace[] | null = null;
  /** Of the regions that tell; empty where no snapshots are configured. */
  readonly snapshots = new Map<RegionName, SnapshotState>();
  /** The copy of the record on this host's disk. */
  newestCopy: StateRecord | null = null;
  copyError: string | null = null;
  /** Of this host's entry; null: none was sent since its router opened. */
  canary: CanaryState | null = null;
  hooks: HookReports = { before: null, after: null };
  standby: StandbySnapshot | null = null;
  standbyError: string | null = null;
  /** What of the standby changes rarely, as last read, and when. */
  standbyBackground: (StandbyBackground & { readonly atMs: number }) | null = null;
  /** What the comparisons of the two regions so far add to the next one. */
  syncMemory: SyncMemory = noSyncMemory;
  /** The same of how far it lags in time. */
  lag: LagMemory = noLagMemory;
  readonly copyCheckpoints = new CopyCheckpoints();
  active: ActiveSnapshot | null = null;
  /** Followers whose leaders were deleted, as `active` shows it. */
  deletedLeaders: readonly IndexUuid[] = [];
  /** The active region's definitions, of the same time as `active`. */
  definitions: readonly Definition[] = [];
  leaderSnapshot: LeaderSnapshot | null = null;
  /** Number of the observation that `leaderSnapshot` is of. */
  leaderObservation = 0;
  inSyncSeenAtMs: number | null = null;
  /** Routers that hold a lease; null when unknown, or when this watchdog is not the controller. */
  routers: readonly RouterLease[] | null = null;
  firstSnapshots: readonly FirstSnapshot[] = [];
  /** The last reports of the watchdogs; empty while they cannot be read. */
  reports: readonly WatchdogReport[] = [];
  members: readonly Member[];
  /** Members of the record or the registration that do not report, and for how long. */
  silence: Silence = {};
  /** Why the other watchdogs cannot be reached; null when they can. */
  coordinationError: string | null = "not asked yet";
  /** Name of the controller, where it is another watchdog and known. */
  leader: string | null = null;
  leadershipUntilMonotonicMs: number | null = null;
  /** That the store was filled from a copy. */
  readonly filling = new KnownFor();
  /** That a change keeps routers closed. */
  readonly change = new KnownFor();
  #failsafeGrantUntilMonotonicMs = 0;
  #observationsBegun = 0;
  #reportsReadMonotonicMs: number | null = null;
  /** `grantMs`: how long a failsafe grant lasts; 0 without failsafe. */
  readonly #self: { readonly name: string; readonly grantMs: number };
  readonly #clusterUuids = new Map<RegionName, string>();
  readonly #newestObservation = { active: 0, standby: 0 };

  constructor(config: WatchdogConfig) {
    this.members = [memberOf(config)];
    this.#self = { name: config.name, grantMs: config.failsafe === null ? 0 : config.leases.ttlMs };
    this.health = new Map(Object.keys(config.regions).map((region) => [region, unknownHealth]));
  }

  /**
   * To be called when an observation begins. Of two concurrent ones the one that began later counts: by a counter, since
   * a wall clock that is set back would make every later one seem older.
   */
  beginObservation(of: "active" | "standby"): { readonly number: number; readonly isNewest: () => boolean } {
    this.#observationsBegun += 1;
    const number = this.#observationsBegun;
    return {
      number,
      isNewest: () => {
        if (number < this.#newestObservation[of]) return false;
        this.#newestObservation[of] = number;
        return true;
      },
    };
  }

  /** Number of the observation that began last, of either region. */
  get observationsBegun(): number {
    return this.#observationsBegun;
  }

  healthOf(region: RegionName): RegionHealth {
    return this.health.get(region) ?? unknownHealth;
  }

  /** Whether the region is the cluster that this watchdog saw there first since the roles last changed. */
  isSameCluster(region: RegionName): boolean {
    const probe = this.healthOf(region).lastProbe;
    if (!probe?.reachable) return true;
    const first = this.#clusterUuids.get(region);
    if (first === undefined) this.#clusterUuids.set(region, probe.clusterUuid);
    return first === undefined || first === probe.clusterUuid;
  }

  /** As the last snapshot of the region has it; null without one. */
  licenceOf(region: RegionName): ClusterLicence | null {
    const snapshot = [this.active, this.standby].find((candidate) => candidate?.region === region);
    return snapshot?.readiness.licence ?? null;
  }

  lastProbeWasGood(region: RegionName): boolean {
    const { lastGoodAtMs, lastProbeAtMs } = this.healthOf(region);
    return lastGoodAtMs !== null && lastGoodAtMs === lastProbeAtMs;
  }

  /**
   * Takes a record that was read or written. Snapshots of the active region and the standby belong to these roles, so
   * they are dropped when the roles change; during a change both keep their roles.
   */
  adoptRecord(record: StateRecord | null, nowMonotonicMs: number): void {
    const before = this.record;
    this.record = record;
    const finished = finishedChange(before, record);
    if (finished !== null) this.activity.noteChange(finished);
    // A watchdog that has just started may have forgotten a grant of its last run, and one that is listed again may not
    // have been asked for one: until such a grant expires it promotes nothing (rule restart-waits).
    if (this.#isListed(record) && !this.#isListed(before)) {
      this.extendFailsafeGrant(nowMonotonicMs + this.#self.grantMs);
    }
    this.storeError = null;
    this.filling.note(record?.filledAtMs ?? null, nowMonotonicMs);
    this.change.note(record === null || record.phase === "serving" ? null : record.epoch, nowMonotonicMs);
    if (activeBeforeChange(before) !== activeBeforeChange(record)) {
      this.#clusterUuids.clear();
      this.standby = null;
      this.standbyBackground = null;
      this.syncMemory = noSyncMemory;
      this.lag = noLagMemory;
      this.active = null;
      this.deletedLeaders = [];
      this.definitions = [];
      this.leaderSnapshot = null;
      this.inSyncSeenAtMs = null;
    }
  }

  #isListed(record: StateRecord | null): boolean {
    return record?.watchdogs.some(({ name }) => name === this.#self.name) ?? false;
  }

  /** Takes the outcome of a write to the store: null for one that succeeded. */
  noteStoreWrite(error: unknown): void {
    if (error === null) this.storeFull = null;
    else if (isStoreFull(error)) this.storeFull = messageOf(error);
  }

  /** Takes the reports of a round; null when they could not be read. */
  noteReports(reports: readonly WatchdogReport[] | null, nowMonotonicMs: number): void {
    this.reports = reports ?? [];
    if (reports !== null) {
      const sinceLastMs = nowMonotonicMs - (this.#reportsReadMonotonicMs ?? nowMonotonicMs);
      const names = [...this.members, ...(this.record?.watchdogs ?? [])].map(({ name }) => name);
      const reporting = [this.#self.name, ...reports.map(({ watchdog }) => watchdog)];
      this.silence = silenceAfter(this.silence, [...new Set(names)], reporting, sinceLastMs);
    }
    this.#reportsReadMonotonicMs = reports === null ? null : nowMonotonicMs;
  }

  /** Whether this watchdog is the controller at that time of its monotonic clock. */
  isController(nowMonotonicMs: number): boolean {
    return this.leadershipUntilMonotonicMs !== null && nowMonotonicMs < this.leadershipUntilMonotonicMs;
  }

  loseLeadership(leader: string | null): void {
    this.leadershipUntilMonotonicMs = null;
    this.leader = leader;
  }

  /** A failsafe grant, given or received: no promotion before that time. Never shortens an earlier one. */
  extendFailsafeGrant(untilMonotonicMs: number): void {
    this.#failsafeGrantUntilMonotonicMs = Math.max(this.#failsafeGrantUntilMonotonicMs, untilMonotonicMs);
  }

  /** How long failsafe grants still rule out a promotion. */
  failsafeGrantForMs(nowMonotonicMs: number): number {
    return Math.max(0, this.#failsafeGrantUntilMonotonicMs - nowMonotonicMs);
  }

  /** The newest known record, from the store or from this host's copy. */
  newest(): StateRecord | null {
    if (this.record === null || this.newestCopy === null) return this.record ?? this.newestCopy;
    return isNewer(this.newestCopy, this.record) ? this.newestCopy : this.record;
  }

  /** The highest known epoch, from the store or from this host's copy. */
  highestEpoch(): number {
    return Math.max(this.record?.epoch ?? 0, this.newestCopy?.epoch ?? 0);
  }

  isNewerThanCopy(record: StateRecord): boolean {
    return this.newestCopy === null || isNewer(record, this.newestCopy);
  }
}

/** The active region, or during a change the one that was active before it. */
export function activeBeforeChange(record: StateRecord | null): RegionName | null {
  if (record === null) return null;
  return record.phase === "serving" ? record.active : record.from;
}
