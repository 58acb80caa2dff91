import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import type { WatchdogParts } from "../../../watchdog/controller/context.ts";
import type { Watchdog } from "../../../watchdog/controller/watchdog.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { Logger } from "../../../watchdog/util/logger.ts";
import { checkChange, checkEndpoints, checkRouters, type Judged, type Truth } from "../judge/invariants.ts";
import { SimCluster } from "./cluster.ts";
import type { World } from "./world.ts";

const REPLICATION_ROUND_MS = 200;

export const regions = ["gra", "bhs"] as const;
export type Region = (typeof regions)[number];

export type CreateWatchdog = (parts: WatchdogParts) => Watchdog;

const unknownTruth = (active: string): Truth => ({
  active,
  leaderWellMs: null,
  leaderTroubledMs: null,
  inSyncMs: null,
});

/** The region that accepted writes last, by this record. */
export const leaderBy = (record: StateRecord): string => (record.phase === "serving" ? record.active : record.from);

/** Two clusters that follow each other on one virtual clock, and the books that a history is judged by. */
export abstract class SimRegions implements Judged {
  readonly world: World;
  readonly config: WatchdogConfig;
  readonly clusters: Readonly<Record<string, SimCluster>>;

  readonly ledger: Judged["ledger"][number][] = [];
  readonly wiped = new Set<string>();
  readonly closings: number[] = [];
  readonly verifications: number[] = [];
  readonly failovers: number[] = [];
  readonly switchovers: number[] = [];
  highestEpoch = 0;
  truth: Truth = unknownTruth("gra");

  readonly log: string[] = [];
  restarts = 0;
  /** Operations per shard and round; faults turn it down. */
  replicationRate = 50;

  abstract readonly disk: Judged["disk"];
  abstract readonly router: Judged["router"];
  abstract readonly salvage: Judged["salvage"];

  constructor(world: World, config: WatchdogConfig) {
    this.world = world;
    this.config = config;
    const limits = {
      requestTimeoutMs: config.elasticsearch.requestTimeoutMs,
      probeTimeoutMs: config.checks.timeoutMs,
      unfollowTimeoutMs: config.promotion.unfollowTimeoutMs,
    };
    const cluster = (region: Region) => {
      const made = new SimCluster(world, region, limits);
      made.onChange = (what, index) => checkChange(this, region, what, index);
      return made;
    };
    this.clusters = { gra: cluster("gra"), bhs: cluster("bhs") };
    world.check = () => {
      checkRouters(this);
      checkEndpoints(this);
    };
    this.#startReplication();
  }

  abstract namedRegions(): readonly string[];

  /** The active region, whether it is truly well, and whether anything beside it may keep watchdogs from seeing so. */
  protected abstract activeNow(): { readonly active: string; readonly isWell: boolean; readonly isDisturbed: boolean };

  /** Before each round of replication. */
  protected beforeRound(): void {}

  cluster(region: string): SimCluster {
    const found = this.clusters[region];
    if (found === undefined) throw new Error(`no region ${region}`);
    return found;
  }

  note(line: string): void {
    this.log.push(`${(this.world.nowMs / 1000).toFixed(1).padStart(6)} s  ${line}`);
  }

  /** What a watchdog logs, as lines of the history that begin with `prefix`. */
  protected logger(prefix: string): Logger {
    const line = (level: string) => (_fields: Readonly<Record<string, unknown>>, message: string) => {
      this.note(`${prefix}${level} ${message}`);
    };
    return { debug: () => {}, info: line("info "), warn: line("warn "), error: line("ERROR") };
  }

  #startReplication(): void {
    const gra = this.cluster("gra");
    const bhs = this.cluster("bhs");
    this.world.every(REPLICATION_ROUND_MS, () => {
      this.beforeRound();
      gra.replicate(bhs, this.replicationRate);
      bhs.replicate(gra, this.replicationRate);
      this.#noteTruth();
    });
    this.world.every(1_000, () => {
      gra.autoFollow(bhs);
      bhs.autoFollow(gra);
    });
  }

  #noteTruth(): void {
    const { world } = this;
    const { active, isWell, isDisturbed } = this.activeNow();
    if (this.truth.active !== active) this.truth = unknownTruth(active);
    const { truth } = this;
    const leader = this.cluster(active);
    const follower = this.cluster(active === "gra" ? "bhs" : "gra");
    if (isWell) {
      truth.leaderWellMs = world.nowMs;
      // An index that is new is not followed at once: that is no failure of replication.
      const { maxLagOperations, intervalMs } = this.config.replication;
      if (follower.isTrulyInSyncWith(leader, maxLagOperations, world.nowMs - 4 * intervalMs)) {
        truth.inSyncMs = world.nowMs;
      }
    }
    const { probeLoss, slowMs } = leader.ailments;
    if (!isWell || isDisturbed || probeLoss > 0 || slowMs > 0) truth.leaderTroubledMs = world.nowMs;
  }
}
