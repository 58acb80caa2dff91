import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { otherRegion, type Region } from "../world/layout.ts";
import type { System } from "../world/system.ts";

/** Like replication, so that each of its rounds is seen. */
const ROUND_MS = 200;

/** The region that accepted writes last, by this record. */
const activeBy = (record: StateRecord): string => (record.phase === "serving" ? record.active : record.from);

interface Interval {
  readonly fromMs: number;
  untilMs: number;
}

/** What is true of the active region and its standby, whatever any watchdog observes. Virtual times; null: not yet. */
export class Truth {
  /** While the store is empty, the region that was active last. */
  active: string = "gra";
  leaderUnwellMs: number | null = null;
  inSyncMs: number | null = null;
  /** When the active region was well: the last one ends now while it is. */
  #well: Interval[] = [];
  readonly #system: System;

  constructor(system: System) {
    this.#system = system;
    system.world.every(ROUND_MS, () => this.#update());
  }

  /** When the active region was last well, as far as it had become so by `byMs`; null: never. */
  leaderWellMs(byMs: number): number | null {
    return this.#well.findLast(({ fromMs }) => fromMs <= byMs)?.untilMs ?? null;
  }

  #noteWell(nowMs: number): void {
    const last = this.#well.at(-1);
    if (last !== undefined && nowMs - last.untilMs <= ROUND_MS) last.untilMs = nowMs;
    else this.#well.push({ fromMs: nowMs, untilMs: nowMs });
  }

  #update(): void {
    const { record, world, config } = this.#system;
    const active = record === null ? this.active : activeBy(record);
    if (active !== this.active) {
      this.active = active;
      this.#well = [];
      this.leaderUnwellMs = null;
      this.inSyncMs = null;
    }
    const region = active === "gra" ? "gra" : "bhs";
    const isReadable = this.#isReadable(region);
    const isWell = isReadable && !this.#refusesWrites(region);
    if (isWell) this.#noteWell(world.nowMs);
    // A region that refuses writes is followed all the same.
    if (isReadable) {
      // A new index is not followed at once: that is no failure of replication.
      const { maxLagOperations, intervalMs } = config.replication;
      const follower = this.#system.cluster(otherRegion(region));
      const newerThanMs = world.nowMs - 4 * intervalMs;
      if (follower.isTrulyInSyncWith(this.#system.cluster(region), maxLagOperations, newerThanMs)) {
        this.inSyncMs = world.nowMs;
      }
    }
    if (!isWell || this.#isDisturbed(region)) this.leaderUnwellMs = world.nowMs;
  }

  /** Well for a majority of the sites with a watchdog. */
  #isReadable(region: Region): boolean {
    const { network, layout } = this.#system;
    const reaching = layout.watchdogs.filter((site) => network.talk(site, region));
    return this.#system.cluster(region).isWell() && reaching.length > layout.watchdogs.length / 2;
  }

  #refusesWrites(region: Region): boolean {
    const { ailments } = this.#system.cluster(region);
    return this.#system.config.canary.unhealthyCauses.some((cause) => cause === ailments.refusesWrites);
  }

  /** Whether watchdogs may see a region that is well as unwell. */
  #isDisturbed(region: Region): boolean {
    const { probeLoss, slowMs } = this.#system.cluster(region).ailments;
    return this.#system.network.loss > 0 || probeLoss > 0 || slowMs > 0;
  }
}
