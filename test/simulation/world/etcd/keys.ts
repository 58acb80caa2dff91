import { EtcdError } from "../../../../watchdog/adapters/etcd/errors.ts";
import type { Member } from "../../../../watchdog/core/state/record.ts";
import type { WatchdogReport } from "../../../../watchdog/core/state/report.ts";
import { RecordCell } from "../record-cell.ts";
import type { World } from "../world.ts";

/** A key that vanishes with its lease. `instance`: the connection that holds it. */
interface Leased {
  untilMs: number;
  readonly instance: number;
}

/** What etcd holds. Leases run on its own clock. */
export class EtcdKeys {
  readonly record = new RecordCell();
  readonly routers = new Map<string, Leased & { acknowledgedEpoch: number }>();
  readonly reports = new Map<string, Leased & { readonly report: WatchdogReport; readonly order: number }>();
  readonly members = new Map<string, Member>();
  /** The quota is reached: what exists can be read, kept alive and deleted, and nothing is written. */
  isFull = false;
  leader: (Leased & { readonly watchdog: string; readonly createRevision: number }) | null = null;
  readonly #world: World;
  readonly ttlMs: number;
  #revision = 0;

  constructor(world: World, ttlMs: number) {
    this.#world = world;
    this.ttlMs = ttlMs;
  }

  nextRevision(): number {
    this.#revision += 1;
    return this.#revision;
  }

  /** When a lease that is granted or renewed now expires. */
  expiryMs(): number {
    return this.#world.nowMs + this.ttlMs;
  }

  /** To be called before a write, and before a lease is granted. @throws EtcdError */
  assertSpace(): void {
    if (this.isFull) throw new EtcdError("full", "etcd: etcd's quota is reached");
  }

  /** null once the lease has expired. */
  live<T extends Leased>(leased: T | null | undefined): T | null {
    return leased != null && leased.untilMs > this.#world.nowMs ? leased : null;
  }

  /** A new leader of the etcd cluster restarts every lease at full length. */
  extendLeases(): void {
    for (const leased of [...this.routers.values(), ...this.reports.values(), this.leader]) {
      const alive = this.live(leased);
      if (alive !== null) alive.untilMs = this.expiryMs();
    }
  }

  wipe(): void {
    this.record.stored = null;
    this.routers.clear();
    this.reports.clear();
    this.members.clear();
    this.leader = null;
  }
}
