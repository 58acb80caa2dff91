import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { Ruling } from "../core/rules/decide.ts";
import type { ClusterReadiness, Definition, IndexState } from "../core/state/cluster.ts";
import { type RegionHealth, unknownHealth } from "../core/state/health.ts";
import { memberOf } from "../core/state/members.ts";
import type {
  ActiveSnapshot,
  FirstSnapshot,
  Observations,
  RouterLease,
  StandbySnapshot,
} from "../core/state/observations.ts";
import type { Member, StateRecord } from "../core/state/record.ts";
import { isNewer } from "../core/state/record.ts";
import type { LeaderSnapshot } from "../core/state/record-fields.ts";
import type { WatchdogReport } from "../core/state/report.ts";
import { siteReports } from "../core/state/sites.ts";
import type { Clock } from "../util/clock.ts";
import type { Decision } from "./status.ts";

/** What a look at the active region showed. */
export interface ActiveRegionSnapshot {
  readonly region: RegionName;
  readonly atMs: number;
  readonly indices: readonly IndexState[];
  readonly definitions: readonly Definition[];
  readonly readiness: ClusterReadiness;
  /** Indices that follow the other region although this one leads. */
  readonly unexpectedFollowers: readonly string[];
}

const DECISIONS_KEPT = 50;

/** Everything one watchdog has learned, shared by its loops; the loops write, decisions and status read. */
export class ObservedState {
  readonly #config: WatchdogConfig;
  readonly health: Map<RegionName, RegionHealth>;
  record: StateRecord | null = null;
  storeError: string | null = "not asked yet";
  newestCopy: StateRecord | null = null;
  copyError: string | null = null;
  standby: StandbySnapshot | null = null;
  standbyError: string | null = null;
  activeSnapshot: ActiveRegionSnapshot | null = null;
  leaderSight: LeaderSnapshot | null = null;
  inSyncSeenAtMs: number | null = null;
  routers: readonly RouterLease[] | null = null;
  initialSnapshots: readonly FirstSnapshot[] = [];
  /** What the others see, at the last time they could be asked. */
  reports: readonly WatchdogReport[] = [];
  members: readonly Member[];
  coordinationError: string | null = "not asked yet";
  leader: string | null = null;
  leadershipUntilMonotonicMs: number | null = null;
  #failsafeGrantUntilMonotonicMs = 0;
  #filled: { readonly atMs: number; readonly knownSinceMonotonicMs: number } | null = null;
  ruling: Ruling | null = null;
  decisions: readonly Decision[] = [];

  #looksBegun = 0;
  readonly #newestLook = { leader: 0, standby: 0 };

  constructor(config: WatchdogConfig) {
    this.#config = config;
    this.members = [memberOf(config)];
    this.health = new Map(Object.keys(config.regions).map((region) => [region, unknownHealth]));
  }

  /**
   * To be called when a look begins. Two looks may overtake each other: the one that began later counts. In the order of
   * their beginning, as a wall clock that is set back would make every later look seem older.
   */
  beginObservation(at: "leader" | "standby"): { readonly isNewest: () => boolean } {
    const number = this.#looksBegun + 1;
    this.#looksBegun = number;
    return {
      isNewest: () => {
        if (number < this.#newestLook[at]) return false;
        this.#newestLook[at] = number;
        return true;
      },
    };
  }

  healthOf(region: RegionName): RegionHealth {
    return this.health.get(region) ?? unknownHealth;
  }

  /** True when the newest probe of the region was good. */
  lastProbeWasGood(region: RegionName): boolean {
    const { lastGoodAtMs, lastProbeAtMs } = this.healthOf(region);
    return lastGoodAtMs !== null && lastGoodAtMs === lastProbeAtMs;
  }

  /**
   * Takes a record that was read or written. What was seen of active region and standby belongs to their roles, so it
   * is forgotten when the roles change; while a change is under way both stay what they were.
   */
  adoptRecord(record: StateRecord | null, nowMonotonicMs: number): void {
    const before = this.record;
    this.record = record;
    this.storeError = null;
    this.#learnFilling(record?.filledAtMs ?? null, nowMonotonicMs);
    if (activeBeforeChange(before) !== activeBeforeChange(record)) {
      this.standby = null;
      this.activeSnapshot = null;
      this.leaderSight = null;
      this.inSyncSeenAtMs = null;
    }
  }

  #learnFilling(filledAtMs: number | null, nowMonotonicMs: number): void {
    if (filledAtMs === null) this.#filled = null;
    // The time itself is another host's: only that it is another one counts.
    else if (filledAtMs !== this.#filled?.atMs)
      this.#filled = { atMs: filledAtMs, knownSinceMonotonicMs: nowMonotonicMs };
  }

  /** Whether this watchdog leads at that time of its monotonic clock. */
  isController(nowMonotonicMs: number): boolean {
    return this.leadershipUntilMonotonicMs !== null && nowMonotonicMs < this.leadershipUntilMonotonicMs;
  }

  loseLeadership(leader: string | null): void {
    this.leadershipUntilMonotonicMs = null;
    this.leader = leader;
  }

  /** Binds this watchdog: it promotes nothing before that time. A promise given before is never shortened. */
  extendFailsafeGrant(untilMonotonicMs: number): void {
    this.#failsafeGrantUntilMonotonicMs = Math.max(this.#failsafeGrantUntilMonotonicMs, untilMonotonicMs);
  }

  failsafeGrantForMs(nowMonotonicMs: number): number {
    return Math.max(0, this.#failsafeGrantUntilMonotonicMs - nowMonotonicMs);
  }

  /** The newest record this watchdog knows of, from the store or from its own disk. */
  newest(): StateRecord | null {
    if (this.record === null || this.newestCopy === null) return this.record ?? this.newestCopy;
    return isNewer(this.newestCopy, this.record) ? this.newestCopy : this.record;
  }

  /** The highest epoch this watchdog knows of, from the store or from its own disk. */
  highestEpoch(): number {
    return Math.max(this.record?.epoch ?? 0, this.newestCopy?.epoch ?? 0);
  }

  isNewerThanCopy(record: StateRecord): boolean {
    return this.newestCopy === null || isNewer(record, this.newestCopy);
  }

  addDecision(ruling: Ruling, atMs: number): void {
    this.ruling = ruling;
    const [last, ...older] = this.decisions;
    const decision: Decision = {
      atMs,
      rule: ruling.rule,
      epoch: ruling.record?.epoch ?? null,
      explanation: ruling.explanation,
    };
    // A ruling that stands keeps its place, with the newest wording (counts go up while it stands).
    const repeats = last !== undefined && last.rule === decision.rule && last.epoch === decision.epoch;
    this.decisions = repeats
      ? [{ ...decision, atMs: last.atMs }, ...older]
      : [decision, ...this.decisions].slice(0, DECISIONS_KEPT);
  }

  regionReports(): WatchdogReport["regions"] {
    return Object.fromEntries(
      [...this.health].map(([region, { state, failuresInARow, successesInARow, reason }]) => [
        region,
        { state, failuresInARow, successesInARow, reason },
      ]),
    );
  }

  /** What each watchdog sees: the others as they said last, this one as of now. */
  allReports(nowMs: number): readonly WatchdogReport[] {
    const { name: watchdog, site } = this.#config;
    const own = {
      watchdog,
      site,
      regions: this.regionReports(),
      atMs: nowMs,
      epoch: this.highestEpoch(),
      copy: null,
    };
    return [own, ...this.reports.filter((sighting) => sighting.watchdog !== watchdog)];
  }

  observations(selfDoubt: readonly string[], clock: Clock): Observations {
    const health = Object.fromEntries(this.health);
    const nowMonotonicMs = clock.monotonicMs();
    const leading = this.isController(nowMonotonicMs);
    return {
      health,
      sites: siteReports(this.allReports(clock.nowMs())),
      standby: this.standby,
      active: activeViewOf(this.activeSnapshot),
      standbyError: this.standbyError,
      inSyncSeenAtMs: this.inSyncSeenAtMs,
      leaderSight: this.leaderSight,
      routers: this.routers,
      store: { reachable: this.storeError === null, error: this.storeError },
      leadership: { leading, leader: leading ? this.#config.name : this.leader, error: this.coordinationError },
      known: this.members,
      promisedForMs: this.failsafeGrantForMs(nowMonotonicMs),
      filledKnownForMs: this.#filled === null ? null : nowMonotonicMs - this.#filled.knownSinceMonotonicMs,
      selfDoubt,
      newestCopy: newestOf([this.newestCopy, ...this.reports.map(({ copy }) => copy)]),
      copyError: this.copyError,
      firstLooks: this.initialSnapshots,
    };
  }
}

function newestOf(copies: readonly (StateRecord | null)[]): StateRecord | null {
  return copies.reduce(
    (newest, copy) => (newest === null || (copy !== null && isNewer(copy, newest)) ? copy : newest),
    null,
  );
}

function activeViewOf(look: ActiveRegionSnapshot | null): ActiveSnapshot | null {
  if (look === null) return null;
  const { region, atMs, readiness, indices, unexpectedFollowers } = look;
  return { region, observedAtMs: atMs, readiness, indices, strays: unexpectedFollowers };
}

/** The region that is, or until the change under way was, active. */
export function activeBeforeChange(record: StateRecord | null): RegionName | null {
  if (record === null) return null;
  return record.phase === "serving" ? record.active : record.from;
}
