import type { WatchdogConfig } from "../config/schema.ts";
import { type RegionHealth, unknownHealth } from "../core/health.ts";
import type { ActiveView, FirstLook, Observations, StandbyView } from "../core/observations.ts";
import type { ClusterReadiness, Definition, IndexState, RegionName, RouterLease } from "../core/ports.ts";
import type { LeaderSight, StateRecord } from "../core/record.ts";
import { isNewer } from "../core/record.ts";
import type { Ruling } from "../core/rules.ts";
import type { Decision } from "./status.ts";

/** What a look at the active region showed. */
export interface LeaderLook {
  readonly region: RegionName;
  readonly atMs: number;
  readonly indices: readonly IndexState[];
  readonly definitions: readonly Definition[];
  readonly readiness: ClusterReadiness;
  /** Indices that follow the other region although this one leads. */
  readonly strays: readonly string[];
}

const DECISIONS_KEPT = 50;

/** Everything one watchdog has learned, shared by its loops; the loops write, decisions and status read. */
export class Knowledge {
  readonly #config: WatchdogConfig;
  readonly health: Map<RegionName, RegionHealth>;
  record: StateRecord | null = null;
  storeError: string | null = "not asked yet";
  newestCopy: StateRecord | null = null;
  copyError: string | null = null;
  standby: StandbyView | null = null;
  standbyError: string | null = null;
  leaderLook: LeaderLook | null = null;
  leaderSight: LeaderSight | null = null;
  inSyncSeenAtMs: number | null = null;
  routers: readonly RouterLease[] | null = null;
  firstLooks: readonly FirstLook[] = [];
  ruling: Ruling | null = null;
  decisions: readonly Decision[] = [];

  constructor(config: WatchdogConfig) {
    this.#config = config;
    this.health = new Map(Object.keys(config.regions).map((region) => [region, unknownHealth]));
  }

  healthOf(region: RegionName): RegionHealth {
    return this.health.get(region) ?? unknownHealth;
  }

  /** True when the newest probe of the region was good. */
  looksWell(region: RegionName): boolean {
    const { lastGoodAtMs, lastProbeAtMs } = this.healthOf(region);
    return lastGoodAtMs !== null && lastGoodAtMs === lastProbeAtMs;
  }

  /**
   * Takes a record that was read or written. What was seen of active region and standby belongs to their roles, so it
   * is forgotten when the roles change; while a change is under way both stay what they were.
   */
  learnRecord(record: StateRecord | null): void {
    const before = this.record;
    this.record = record;
    this.storeError = null;
    if (leaderOf(before) !== leaderOf(record)) {
      this.standby = null;
      this.leaderLook = null;
      this.leaderSight = null;
      this.inSyncSeenAtMs = null;
    }
  }

  /** The highest epoch this watchdog knows of, from the store or from its own disk. */
  highestEpoch(): number {
    return Math.max(this.record?.epoch ?? 0, this.newestCopy?.epoch ?? 0);
  }

  isNewToCopy(record: StateRecord): boolean {
    return this.newestCopy === null || isNewer(record, this.newestCopy);
  }

  note(ruling: Ruling, atMs: number): void {
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

  observations(selfDoubt: readonly string[]): Observations {
    const health = Object.fromEntries(this.health);
    const regions = Object.fromEntries([...this.health].map(([region, { state }]) => [region, state]));
    return {
      health,
      sites: [{ site: this.#config.site, regions }],
      standby: this.standby,
      active: activeViewOf(this.leaderLook),
      standbyError: this.standbyError,
      inSyncSeenAtMs: this.inSyncSeenAtMs,
      leaderSight: this.leaderSight,
      routers: this.routers,
      store: { reachable: this.storeError === null, error: this.storeError },
      selfDoubt,
      newestCopy: this.newestCopy,
      copyError: this.copyError,
      firstLooks: this.firstLooks,
    };
  }
}

function activeViewOf(look: LeaderLook | null): ActiveView | null {
  if (look === null) return null;
  const { region, atMs, readiness, indices, strays } = look;
  return { region, observedAtMs: atMs, readiness, indices, strays };
}

/** The region that is, or until the change under way was, active. */
export function leaderOf(record: StateRecord | null): RegionName | null {
  if (record === null) return null;
  return record.phase === "serving" ? record.active : record.from;
}
