import type { RegionName } from "../../../../watchdog/config/address.ts";
import { ClusterError } from "../../../../watchdog/core/ports/cluster.ts";
import type { AutoFollowPattern, ClusterErrorKind } from "../../../../watchdog/core/state/cluster.ts";
import { WALL_START_MS } from "../process.ts";
import { Signal } from "../signal.ts";
import type { World } from "../world.ts";
import { type Ailments, noAilments } from "./ailments.ts";
import { anySize } from "./first-copy.ts";
import { isCompleteCopy, type SimIndex, takesWrites } from "./index-state.ts";

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
  /** Whether index lifecycle management runs, which rolls over and unfollows. */
  hasLifecycle = false;
  /** Whether the network connects this cluster with the other one. */
  readonly isLinked: () => boolean;
  /** UUIDs of active followers that were deleted: their tasks remain here, and their leases on the leader. */
  readonly leftBehind = new Set<string>();
  /** Requests of auto-follow to a leader that refuses connections. */
  autoFollowFailures = 0;
  #uuids = 0;
  #generation = 1;

  constructor({ world, region, isLinked }: ClusterOptions) {
    this.world = world;
    this.region = region;
    this.isLinked = isLinked;
  }

  isWell(): boolean {
    const { down, noMaster, red } = this.ailments;
    return !down && !noMaster && !red;
  }

  takesWrites(): boolean {
    return this.isWell() && this.ailments.refusesWrites === null;
  }

  /** Whether an index has no primary for as long as a node is away. */
  lacksNodeOf({ isOnOneNode }: SimIndex): boolean {
    return this.ailments.nodeAway && isOnOneNode;
  }

  isUp(): boolean {
    return !this.ailments.down;
  }

  reachesRemote(): boolean {
    return this.isLinked() && !this.ailments.remoteLost;
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
    if (!this.takesWrites() || this.indices.has(name)) return false;
    const aliases = alias === null ? [] : [{ alias, isWriteIndex: this.writeIndexOf(alias) === null }];
    this.indices.set(name, { ...this.emptyIndex(name), aliases });
    return true;
  }

  /** A searchable snapshot: its documents are in a repository. It has the write block that mounting sets. */
  mountSnapshot(name: string): void {
    this.indices.set(name, { ...this.emptyIndex(name), searchableSnapshot: true, writeBlocked: true });
  }

  /** A rollover: the new index becomes the write index of the alias, if it has one that takes writes. */
  rollOver(alias: string, name: string): boolean {
    const last = this.writeIndexOf(alias);
    if (last === null || !takesWrites(last) || !this.createIndex(name, null)) return false;
    last.aliases = last.aliases.map((one) => (one.alias === alias ? { alias, isWriteIndex: false } : one));
    this.existing(name).aliases = [{ alias, isWriteIndex: true }];
    // The first one is written to by its name, too.
    last.indexingComplete = this.hasLifecycle && last.name !== "logs-1";
    return true;
  }

  /** The index that takes the writes to an alias; null: none does. */
  writeIndexOf(alias: string): SimIndex | null {
    const isIt = ({ aliases }: SimIndex) => aliases.some((one) => one.alias === alias && one.isWriteIndex);
    return [...this.indices.values()].find(isIt) ?? null;
  }

  /** A client's write: true when it was acknowledged. */
  write(index: string, id: string): boolean {
    const target = this.indices.get(index);
    if (!this.takesWrites() || target === undefined || !takesWrites(target)) return false;
    target.operations.push(id);
    return true;
  }

  /** Indices that would take no write although the cluster is well. */
  refusingWrites(): readonly string[] {
    return [...this.indices.values()]
      .filter((index) => !takesWrites(index) && !index.searchableSnapshot)
      .map(({ name }) => name);
  }

  /** Ids of all writes that it holds. */
  operations(): ReadonlySet<string> {
    return new Set([...this.indices.values()].flatMap(({ operations }) => operations));
  }

  // --- replication ------------------------------------------------------------------------------------------------

  /** Every open index of the leader that is not new is followed by a task that works and lags little. */
  isTrulyInSyncWith(leader: SimCluster, lagMax: number, isNew: (source: SimIndex) => boolean): boolean {
    let lag = 0;
    for (const source of leader.indices.values()) {
      // What the leader does not serve itself is not protected by anything.
      if (isNew(source) || source.following !== null || source.searchableSnapshot) continue;
      const follower = this.indices.get(source.name);
      // Users closed it before it was followed, which CCR refuses then: status names it.
      if (follower === undefined && source.isClosedByUsers) continue;
      if (follower === undefined || !isProtectedBy(source, follower)) return false;
      lag += source.operations.length - follower.operations.length;
    }
    return lag <= lagMax;
  }

  /** UUIDs of the leader's indices that it has, as far as it follows them. */
  protectedOf(leader: SimCluster): readonly string[] {
    return [...leader.indices.values()].flatMap((source) => {
      const follower = this.indices.get(source.name);
      return follower !== undefined && isProtectedBy(source, follower) ? [source.uuid] : [];
    });
  }

  /** A new index. `uuid`: of a closed index that a first copy overwrites. */
  emptyIndex(name: string, uuid = `${this.region}-${++this.#uuids}`): SimIndex {
    const { nowMs, random } = this.world;
    return {
      name,
      uuid,
      createdMs: nowMs,
      creationDateMs: WALL_START_MS + nowMs,
      kilobytes: anySize(random),
      open: true,
      isClosedByUsers: false,
      startingUntilMs: 0,
      operations: [],
      aliases: [],
      writeBlocked: false,
      readOnly: false,
      snapshotUntilMs: 0,
      historyFrom: 0,
      isOnOneNode: false,
      copiedAtMs: null,
      indexingComplete: false,
      searchableSnapshot: false,
      unfollowingSinceMs: null,
      following: null,
      copy: null,
    };
  }

  // --- faults -----------------------------------------------------------------------------------------------------

  /** The cluster is rebuilt, with nothing in it. */
  wipe(): void {
    this.indices.clear();
    this.autoFollowPatterns.clear();
    this.leftBehind.clear();
    this.#generation += 1;
  }

  /** The leases of followers that were away have expired, and history was merged away. */
  forgetHistory(): void {
    for (const index of this.indices.values()) index.historyFrom = index.operations.length;
  }

  /** Every node is restarted. The restores of first copies are forgotten, and their files cannot be started. */
  restart(): void {
    for (const { copy } of this.indices.values()) if (copy !== null) copy.isForgotten = true;
  }

  /** Every follower task stops until it is paused and resumed. */
  stopFollowersFatally(): void {
    for (const { following } of this.indices.values()) {
      if (following?.status === "active") following.fatal = "unable to open any connections to remote cluster";
    }
  }
}

const isProtectedBy = (source: SimIndex, follower: SimIndex): boolean =>
  isFollowedBy(source, follower) || isCompleteCopy(follower, source);

/** Whether a follower has its first copy, and a task that works. */
const isFollowedBy = ({ uuid }: SimIndex, { following, copy, open }: SimIndex): boolean =>
  copy === null && open && following?.leaderUuid === uuid && following.status === "active" && following.fatal === null;
