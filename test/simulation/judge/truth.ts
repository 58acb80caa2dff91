import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { SimIndex } from "../world/cluster/index-state.ts";
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
  /** UUIDs of the active region's indices that the standby once had. */
  readonly #established = new Set<string>();
  /** Since when the standby counts as in sync, and the same as the record has it. */
  #countsSince: { readonly nowMs: number; readonly recordMs: number } | null = null;
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
      this.#established.clear();
      this.#countsSince = null;
    }
    this.#noteCounting(record);
    const region = active === "gra" ? "gra" : "bhs";
    const isReadable = this.#isReadable(region);
    const isWell = isReadable && !this.#refusesWrites(region);
    if (isWell) this.#noteWell(world.nowMs);
    // A region that refuses writes is followed all the same.
    if (isReadable) {
      const { maxLagOperations } = config.replication;
      const [leader, follower] = [this.#system.cluster(region), this.#system.cluster(otherRegion(region))];
      for (const uuid of follower.protectedOf(leader)) this.#established.add(uuid);
      if (follower.isTrulyInSyncWith(leader, maxLagOperations, (index) => this.#isNew(index))) {
        this.inSyncMs = world.nowMs;
      }
    }
    if (!isWell || this.#isDisturbed(region)) this.leaderUnwellMs = world.nowMs;
  }

  /** A standby that was found behind and in sync again since the last round counts from now on. */
  #noteCounting(record: StateRecord | null): void {
    if (record?.phase !== "serving") return;
    const { inSyncSinceMs: recordMs } = record;
    if (recordMs === null) this.#countsSince = null;
    else if (recordMs !== this.#countsSince?.recordMs) {
      this.#countsSince = { nowMs: this.#system.world.nowMs, recordMs };
    }
  }

  /**
   * Whether an index does not count yet: it is not followed at once, which is no failure of replication. One that was
   * created while the standby is in sync counts once the standby had it: until then it is named as unprotected, and a
   * promotion leaves it out. Else each new index would suspend the protection of all others for as long as its first copy
   * takes, or its follower waits for a watchdog to resume it.
   */
  #isNew({ uuid, createdMs }: SimIndex): boolean {
    const { world, config } = this.#system;
    if (createdMs > world.nowMs - 4 * config.replication.intervalMs) return true;
    return this.#countsSince !== null && createdMs > this.#countsSince.nowMs && !this.#established.has(uuid);
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
