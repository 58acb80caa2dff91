import type { RegionName } from "../../../../watchdog/config/address.ts";
import { ClusterError } from "../../../../watchdog/core/ports/cluster.ts";
import type { AutoFollowPattern, ClusterErrorKind } from "../../../../watchdog/core/state/cluster.ts";
import { Signal } from "../signal.ts";
import type { World } from "../world.ts";
import { type Ailments, noAilments } from "./ailments.ts";
import { type Following, newTask, type SimIndex, takesWrites } from "./index-state.ts";

/** From auto-follow's choice of an index until it is a follower in the cluster's state. */
const AUTO_FOLLOW_TAKES_MS = 3_000;

/** A change that a watchdog makes to a cluster. `indices`: the names it concerns. */
export interface ClusterChange {
  readonly what: string;
  readonly indices: readonly string[];
}

export interface ClusterOptions {
  readonly world: World;
  readonly region: RegionName;
  /** Whether the network connects this cluster with the other one. */
  readonly isLinked: () => boolean;
}

/** A cluster with cross-cluster replication, as strict as the real one where a watchdog could get it wrong. */
export class SimCluster {
  readonly region: RegionName;
  readonly world: World;
  readonly indices = new Map<string, SimIndex>();
  readonly autoFollowPatterns = new Map<string, AutoFollowPattern & { readonly sinceMs: number }>();
  readonly ailments: Ailments = noAilments();
  /** Emitted before a watchdog changes anything. */
  readonly changing = new Signal<ClusterChange>();
  version = "9.5.3";
  isLowOnDisk = false;
  readonly #isLinked: () => boolean;
  #uuids = 0;
  #generation = 1;

  constructor({ world, region, isLinked }: ClusterOptions) {
    this.world = world;
    this.region = region;
    this.#isLinked = isLinked;
  }

  isWell(): boolean {
    const { down, noMaster, red } = this.ailments;
    return !down && !noMaster && !red;
  }

  isUp(): boolean {
    return !this.ailments.down;
  }

  reachesRemote(): boolean {
    return this.#isLinked() && !this.ailments.remoteLost;
  }

  get uuid(): string {
    return `${this.region}-${this.#generation}`;
  }

  error(kind: ClusterErrorKind, message: string, status: number | null): ClusterError {
    return new ClusterError(this.region, kind, `${this.region}: ${message}`, status);
  }

  existing(name: string): SimIndex {
    const index = this.indices.get(name);
    if (index === undefined) throw this.error("not-found", `no such index [${name}]`, 404);
    return index;
  }

  // --- what clients do --------------------------------------------------------------------------------------------

  createIndex(name: string, alias: string | null): boolean {
    if (!this.isWell() || this.indices.has(name)) return false;
    this.indices.set(name, this.#newIndex(name, alias === null ? [] : [{ alias, isWriteIndex: true }], null));
    return true;
  }

  /** A client's write: true when it was acknowledged. */
  write(index: string, id: string): boolean {
    const target = this.indices.get(index);
    if (!this.isWell() || target === undefined || !takesWrites(target)) return false;
    target.operations.push(id);
    return true;
  }

  /** Indices that would take no write although the cluster is well. */
  refusingWrites(): readonly string[] {
    return [...this.indices.values()].filter((index) => !takesWrites(index)).map(({ name }) => name);
  }

  /** Ids of all writes that it holds. */
  operations(): ReadonlySet<string> {
    return new Set([...this.indices.values()].flatMap(({ operations }) => operations));
  }

  // --- replication ------------------------------------------------------------------------------------------------

  /** One round of every follower task. */
  replicate(leader: SimCluster, operationsMax: number): void {
    if (!this.isUp()) return;
    for (const index of this.indices.values()) {
      const task = index.following;
      if (task === null || task.status === "paused" || task.fatal !== null || !index.open) continue;
      const source = leader.indices.get(task.leaderIndex);
      if (!this.reachesRemote() || !leader.isWell() || source?.uuid !== task.leaderUuid || !source.open) {
        task.readError = "no seed node left";
        continue;
      }
      if (task.isCopied && index.operations.length < source.historyFrom) {
        task.fatal = "Operations are no longer available for replicating. Existing retention leases []";
        continue;
      }
      task.readError = null;
      task.lastReadMs = this.world.nowMs;
      task.leaderCheckpoint = source.operations.length - 1;
      const from = index.operations.length;
      index.operations.push(...source.operations.slice(from, from + operationsMax));
      task.isCopied ||= index.operations.length === source.operations.length;
    }
  }

  /** One round of auto-follow: takes only indices created after the pattern. */
  autoFollow(leader: SimCluster): void {
    if (!this.isWell() || !leader.isWell() || !this.reachesRemote()) return;
    for (const pattern of this.autoFollowPatterns.values()) {
      if (!pattern.active) continue;
      for (const source of leader.indices.values()) {
        if (source.createdMs < pattern.sinceMs || this.indices.has(source.name) || !source.open) continue;
        // Decided now, done later, even if the pattern is paused in between.
        this.world.after(this.world.random.between(0, AUTO_FOLLOW_TAKES_MS), () => {
          const isPossible = this.isWell() && leader.isWell() && this.reachesRemote() && !this.indices.has(source.name);
          if (isPossible) this.startFollowing(source.name, leader);
        });
      }
    }
  }

  startFollowing(name: string, leader: SimCluster): void {
    const source = leader.indices.get(name);
    if (source === undefined) throw this.error("not-found", `no such index [${name}]`, 404);
    const present = this.indices.get(name);
    if (present?.open) throw this.error("rejected", `an open index with same name already exists [${name}]`, 400);
    // The copy overwrites a closed index: nothing of it is left.
    if (present !== undefined) this.changing.emit({ what: "delete", indices: [name] });
    // A follower has the aliases, but not which index they write to.
    const aliases = source.aliases.map(({ alias }) => ({ alias, isWriteIndex: false }));
    const task = newTask({ remote: leader.region, leader: source, nowMs: this.world.nowMs, checkpoint: -1 });
    this.indices.set(name, this.#newIndex(name, aliases, task));
  }

  /** Every open index of the leader is followed by a task that works and lags little. */
  isTrulyInSyncWith(leader: SimCluster, lagMax: number, newerThanMs: number): boolean {
    let lag = 0;
    for (const source of leader.indices.values()) {
      if (source.createdMs > newerThanMs) continue;
      const follower = this.indices.get(source.name);
      if (follower?.following?.status !== "active" || follower.following.fatal !== null || !follower.open) return false;
      lag += source.operations.length - follower.operations.length;
    }
    return lag <= lagMax;
  }

  #newIndex(name: string, aliases: SimIndex["aliases"], following: Following | null): SimIndex {
    this.#uuids += 1;
    return {
      name,
      uuid: `${this.region}-${this.#uuids}`,
      createdMs: this.world.nowMs,
      open: true,
      startingUntilMs: 0,
      operations: [],
      aliases,
      writeBlocked: false,
      historyFrom: 0,
      following,
    };
  }

  // --- faults -----------------------------------------------------------------------------------------------------

  /** The cluster is rebuilt, with nothing in it. */
  wipe(): void {
    this.indices.clear();
    this.autoFollowPatterns.clear();
    this.#generation += 1;
  }

  /** The leases of followers that were away have expired, and history was merged away. */
  forgetHistory(): void {
    for (const index of this.indices.values()) index.historyFrom = index.operations.length;
  }

  /** A follower that auto-follow had decided on before its leader was lost. */
  followLate(name: string, leader: SimCluster): void {
    leader.indices.set(name, leader.#newIndex(name, [], null));
    this.startFollowing(name, leader);
  }

  /** Every follower task stops until it is paused and resumed. */
  stopFollowersFatally(): void {
    for (const { following } of this.indices.values()) {
      if (following?.status === "active") following.fatal = "unable to open any connections to remote cluster";
    }
  }
}
