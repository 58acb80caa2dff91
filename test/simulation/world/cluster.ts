import type { RegionName } from "../../../watchdog/config/address.ts";
import { type Cluster, ClusterError } from "../../../watchdog/core/ports/cluster.ts";
import type {
  AutoFollowPattern,
  ClusterErrorKind,
  ClusterProbe,
  Definition,
  Follower,
  IndexState,
  ShardCheckpoint,
} from "../../../watchdog/core/state/cluster.ts";
import type { Process, World } from "./world.ts";

/** How an unfollow behaves while the leader is gone: each was seen with the real module. */
export type UnfollowMood = "works" | "lease-removal-fails" | "hangs-done" | "hangs-undone";

interface Following {
  readonly remote: RegionName;
  readonly leaderIndex: string;
  readonly leaderUuid: string;
  /** The first copy goes by files, so it needs no history of the leader. */
  isCopied: boolean;
  status: "active" | "paused";
  /** The leader's checkpoint as last heard. A task that was just resumed knows only its own. */
  leaderCheckpoint: number;
  lastReadMs: number;
  readError: string | null;
  fatal: string | null;
}

export interface SimIndex {
  readonly name: string;
  readonly uuid: string;
  readonly createdMs: number;
  open: boolean;
  /** Without its primary until then. */
  startingUntilMs: number;
  /** Every operation in order: the id that was written. A sequence number is a place in this list. */
  readonly operations: string[];
  aliases: { alias: string; isWriteIndex: boolean }[];
  writeBlocked: boolean;
  /** Operations below this place can be read as documents, but no longer one by one. */
  historyFrom: number;
  following: Following | null;
  /** When it last became a leader of its own. */
  promotedMs: number | null;
}

/** Everything that can be wrong with a cluster, and how it answers meanwhile. */
export interface Ailments {
  down: boolean;
  noMaster: boolean;
  red: boolean;
  /** How long an index that was closed or opened is without its primary. */
  shardsStartMs: number;
  /** Probes that get lost on the way, as a share. */
  probeLoss: number;
  /** Longest delay of an answer. */
  slowMs: number;
  /** Share of calls that end in a timeout, having taken effect or not. */
  hangs: number;
  unfollow: UnfollowMood;
  licenceLost: boolean;
}

export const wellAilments = (): Ailments => ({
  down: false,
  noMaster: false,
  red: false,
  shardsStartMs: 0,
  probeLoss: 0,
  slowMs: 0,
  hangs: 0,
  unfollow: "works",
  licenceLost: false,
});

export interface ClusterLimits {
  readonly requestTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly unfollowTimeoutMs: number;
}

/** From auto-follow's choice of an index until it stands as a follower in the cluster's state. */
const AUTO_FOLLOW_TAKES_MS = 3_000;

/** A cluster with cross-cluster replication, as strict as the real one where a watchdog could get it wrong. */
export class SimCluster {
  readonly region: RegionName;
  readonly #world: World;
  readonly #limits: ClusterLimits;
  readonly indices = new Map<string, SimIndex>();
  readonly #autoFollow = new Map<string, AutoFollowPattern & { readonly sinceMs: number }>();
  readonly ailments: Ailments = wellAilments();
  /** Set by the network: whether this cluster reaches the other. */
  reachesRemote = true;
  /** Told before anything is changed by a watchdog. */
  onChange: (what: string, index: string | null) => void = () => {};
  version = "9.5.3";
  isLowOnDisk = false;
  #uuids = 0;
  #generation = 1;

  constructor(world: World, region: RegionName, limits: ClusterLimits) {
    this.#world = world;
    this.region = region;
    this.#limits = limits;
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

  acceptsWrites(): boolean {
    return this.isWell() && [...this.indices.values()].some(takesWrites);
  }

  /** Indices that would take no write although the cluster is well. */
  refusingWrites(): readonly string[] {
    return [...this.indices.values()].filter((index) => !takesWrites(index)).map(({ name }) => name);
  }

  isWell(): boolean {
    const { down, noMaster, red } = this.ailments;
    return !down && !noMaster && !red;
  }

  isUp(): boolean {
    return !this.ailments.down;
  }

  // --- replication ------------------------------------------------------------------------------------------------

  /** One round of every follower task. */
  replicate(leader: SimCluster, operationsAtMost: number): void {
    if (!this.isUp()) return;
    for (const index of this.indices.values()) {
      const task = index.following;
      if (task === null || task.status === "paused" || task.fatal !== null || !index.open) continue;
      const source = leader.indices.get(task.leaderIndex);
      if (!this.reachesRemote || !leader.isWell() || source?.uuid !== task.leaderUuid || !source.open) {
        task.readError = "no seed node left";
        continue;
      }
      if (task.isCopied && index.operations.length < source.historyFrom) {
        task.fatal = "Operations are no longer available for replicating. Existing retention leases []";
        continue;
      }
      task.readError = null;
      task.lastReadMs = this.#world.nowMs;
      task.leaderCheckpoint = source.operations.length - 1;
      const from = index.operations.length;
      index.operations.push(...source.operations.slice(from, from + operationsAtMost));
      task.isCopied ||= index.operations.length === source.operations.length;
    }
  }

  /** One round of auto-follow: takes only indices created after the pattern. */
  autoFollow(leader: SimCluster): void {
    if (!this.isWell() || !leader.isWell() || !this.reachesRemote) return;
    for (const pattern of this.#autoFollow.values()) {
      if (!pattern.active) continue;
      for (const source of leader.indices.values()) {
        if (source.createdMs < pattern.sinceMs || this.indices.has(source.name) || !source.open) continue;
        // Decided now, done a while later, even if the pattern is paused in between.
        this.#world.after(this.#world.random.between(0, AUTO_FOLLOW_TAKES_MS), () => {
          const isPossible = this.isWell() && leader.isWell() && this.reachesRemote && !this.indices.has(source.name);
          if (isPossible) this.#startFollowing(source.name, leader.region, leader);
        });
      }
    }
  }

  /** A fault: the cluster is built anew, with nothing in it. */
  wipe(): void {
    this.indices.clear();
    this.#autoFollow.clear();
    this.#generation += 1;
  }

  /** A fault: the leases of followers that were away have run out, and history was merged away. */
  forgetHistory(): void {
    for (const index of this.indices.values()) index.historyFrom = index.operations.length;
  }

  /** A follower that auto-follow had decided on before its leader was lost. */
  followLate(name: string, leader: SimCluster): void {
    leader.indices.set(name, leader.#newIndex(name, [], null));
    this.#startFollowing(name, leader.region, leader);
  }

  /** A fault: every follower task stops until it is paused and resumed. */
  stopFollowersFatally(): void {
    for (const { following } of this.indices.values()) {
      if (following?.status === "active") following.fatal = "unable to open any connections to remote cluster";
    }
  }

  /** Every open index of the leader is followed by a task that works and is not far behind. */
  isTrulyInSyncWith(leader: SimCluster, lagAtMost: number, newerThanMs: number): boolean {
    let lag = 0;
    for (const source of leader.indices.values()) {
      if (source.createdMs > newerThanMs) continue;
      const follower = this.indices.get(source.name);
      if (follower?.following?.status !== "active" || follower.following.fatal !== null || !follower.open) return false;
      lag += source.operations.length - follower.operations.length;
    }
    return lag <= lagAtMost;
  }

  #newIndex(name: string, aliases: SimIndex["aliases"], following: Following | null): SimIndex {
    this.#uuids += 1;
    const uuid = `${this.region}-${this.#uuids}`;
    return {
      name,
      uuid,
      createdMs: this.#world.nowMs,
      open: true,
      startingUntilMs: 0,
      operations: [],
      aliases,
      writeBlocked: false,
      historyFrom: 0,
      following,
      promotedMs: null,
    };
  }

  #startFollowing(name: string, remote: RegionName, leader: SimCluster): void {
    const source = leader.indices.get(name);
    if (source === undefined) throw this.#error("not-found", `no such index [${name}]`, 404);
    const present = this.indices.get(name);
    if (present?.open) throw this.#error("rejected", `an open index with same name already exists [${name}]`, 400);
    // A closed one is restored over: nothing of it is left.
    if (present !== undefined) this.onChange("delete", name);
    // A follower knows the aliases, but not which index they write to.
    const aliases = source.aliases.map(({ alias }) => ({ alias, isWriteIndex: false }));
    this.indices.set(
      name,
      this.#newIndex(name, aliases, newTask({ remote, leader: source, nowMs: this.#world.nowMs, checkpoint: -1 })),
    );
  }

  // --- what a watchdog asks ---------------------------------------------------------------------------------------

  /** The cluster as one watchdog process sees it. */
  port(process: Process, leaderOf: (remote: RegionName) => SimCluster): Cluster {
    const ask = <T>(answer: () => T) => this.#ask(process, answer);
    const change = (what: string, index: string | null, make: () => void) =>
      this.#ask(process, () => {
        this.onChange(what, index);
        make();
      });
    return {
      region: this.region,
      probe: () => this.#probe(process),
      readiness: () =>
        ask(() => ({
          licence: { type: "trial", active: !this.ailments.licenceLost, allowsCcr: !this.ailments.licenceLost },
          version: this.version,
          remote: { configured: true, connected: this.reachesRemote },
          nodesLowOnDisk: this.isLowOnDisk ? ["node-1"] : [],
          readOnly: false,
        })),
      indices: () => ask(() => [...this.indices.values()].map((index) => this.#stateOf(index))),
      checkpoints: (names) => ask(() => names.map((name) => this.#checkpointOf(name))),
      followers: () => ask(() => this.#followers()),
      autoFollowPatterns: () => ask(() => [...this.#autoFollow.values()].map(({ sinceMs: _, ...pattern }) => pattern)),
      putAutoFollow: (pattern) =>
        change("put auto-follow", null, () => {
          this.#autoFollow.set(pattern.name, { ...pattern, active: true, sinceMs: this.#world.nowMs });
        }),
      pauseAutoFollow: (name) => change("pause auto-follow", null, () => this.#setAutoFollow(name, false)),
      resumeAutoFollow: (name) => change("resume auto-follow", null, () => this.#setAutoFollow(name, true)),
      deleteAutoFollow: (name) => change("delete auto-follow", null, () => void this.#autoFollow.delete(name)),
      follow: (name, { remoteCluster }) =>
        change("follow", name, () => {
          const leader = leaderOf(remoteCluster);
          if (!this.reachesRemote || !leader.isUp()) throw this.#error("rejected", "no such remote cluster", 500);
          this.#startFollowing(name, remoteCluster, leader);
        }),
      pauseFollow: (name) => change("pause follow", name, () => this.#pauseFollow(name)),
      resumeFollow: (name) => change("resume follow", name, () => this.#resumeFollow(name)),
      unfollow: (name) => this.#unfollow(process, name, leaderOf),
      closeIndices: (names) => change("close", names.join(), () => this.#setOpen(names, false)),
      openIndices: (names) => change("open", names.join(), () => this.#setOpen(names, true)),
      setWriteBlock: (names, blocked) =>
        change(blocked ? "write block" : "lift write block", names.join(), () => {
          for (const name of names) {
            const index = this.#existing(name);
            if (!index.open) throw this.#error("rejected", `index [${name}] is closed`, 400);
            index.writeBlocked = blocked;
          }
        }),
      deleteIndices: (names) =>
        this.#ask(process, () => {
          for (const name of names) this.#existing(name);
          for (const name of names) {
            this.onChange("delete", name);
            this.indices.delete(name);
          }
        }),
      setWriteIndex: (alias, name) =>
        change("set write index", name, () => {
          for (const index of this.indices.values()) {
            for (const membership of index.aliases) {
              if (membership.alias === alias) membership.isWriteIndex = index.name === name;
            }
          }
        }),
      dataStreams: () => ask(() => []),
      promoteDataStream: () => ask(() => {}),
      rolloverDataStream: () => ask(() => {}),
      probeWrite: (name) => change("probe write", name, () => this.#probeWrite(name)),
      definitions: () => ask((): readonly Definition[] => []),
      putDefinition: () => ask(() => {}),
    };
  }

  #probe(process: Process): Promise<ClusterProbe> {
    const { probeLoss, slowMs } = this.ailments;
    const { random } = this.#world;
    const delayMs = slowMs > 0 ? random.between(0, slowMs) : random.chance(0.2) ? random.between(1, 100) : 0;
    const lost = !this.isUp() || delayMs > this.#limits.probeTimeoutMs || random.chance(probeLoss);
    if (lost) {
      const error = this.isUp() ? "no answer in time" : "connection refused";
      return process.call({ effectMs: 0, answerMs: this.isUp() ? this.#limits.probeTimeoutMs : 0 }, () => ({
        reachable: false,
        kind: this.isUp() ? ("timeout" as const) : ("unreachable" as const),
        error,
      }));
    }
    return process.call({ effectMs: delayMs, answerMs: 0 }, () =>
      this.isUp() ? this.#probeAnswer() : { reachable: false, kind: "unreachable", error: "connection reset" },
    );
  }

  #probeAnswer(): ClusterProbe {
    const { noMaster, red } = this.ailments;
    const starting = [...this.indices.values()].filter((index) => this.#isStarting(index)).map(({ name }) => name);
    return {
      reachable: true,
      clusterUuid: `${this.region}-${this.#generation}`,
      version: this.version,
      master: noMaster ? null : "node-1",
      status: red || starting.length > 0 ? "red" : "green",
      redIndices: red ? ["logs-1"] : starting,
      nodes: 3,
    };
  }

  #ask<T>(process: Process, answer: () => T): Promise<T> {
    const { random } = this.#world;
    const { slowMs, hangs } = this.ailments;
    const { requestTimeoutMs } = this.#limits;
    if (random.chance(hangs)) {
      // No answer in time; whether it took effect, nobody can tell.
      const takesEffect = random.chance(0.5);
      return process.call({ effectMs: random.between(0, requestTimeoutMs - 1), answerMs: 1 }, () => {
        if (takesEffect && this.isUp()) answer();
        throw this.#error("timeout", "no answer in time", null);
      });
    }
    const delayMs = slowMs > 0 ? random.between(0, slowMs) : random.chance(0.2) ? random.between(1, 200) : 0;
    if (delayMs > requestTimeoutMs) {
      return process.call({ effectMs: requestTimeoutMs, answerMs: 0 }, () => {
        throw this.#error("timeout", "no answer in time", null);
      });
    }
    return process.call({ effectMs: delayMs >> 1, answerMs: delayMs - (delayMs >> 1) }, () => {
      if (!this.isUp()) throw this.#error("unreachable", "connection refused", null);
      if (this.ailments.noMaster) throw this.#error("rejected", "no elected master", 503);
      return answer();
    });
  }

  #unfollow(process: Process, name: string, leaderOf: (remote: RegionName) => SimCluster): Promise<void> {
    const index = this.indices.get(name);
    const remote = index?.following?.remote;
    const leaderIsGone = remote !== undefined && (!leaderOf(remote).isUp() || !this.reachesRemote);
    const mood = leaderIsGone ? this.ailments.unfollow : "works";
    const make = () => {
      this.onChange("unfollow", name);
      const target = this.#existing(name);
      const task = target.following;
      if (task === null) throw this.#error("rejected", `index [${name}] is not a follower`, 400);
      if (target.open) throw this.#error("rejected", `cannot convert the follower index [${name}]: not closed`, 400);
      if (task.status !== "paused") throw this.#error("rejected", `cannot convert [${name}]: not paused`, 400);
      target.following = null;
      target.promotedMs = this.#world.nowMs;
    };
    switch (mood) {
      case "works":
        return this.#ask(process, make);
      case "lease-removal-fails":
        return this.#ask(process, () => {
          make();
          throw this.#error("rejected", "es.failed_to_remove_retention_leases", 502);
        });
      case "hangs-done":
      case "hangs-undone":
        return process.call({ effectMs: 10, answerMs: this.#limits.unfollowTimeoutMs }, () => {
          if (mood === "hangs-done" && this.isWell()) make();
          throw this.#error("timeout", "no answer in time", null);
        });
      default:
        throw new Error(`unknown mood ${mood satisfies never}`);
    }
  }

  #pauseFollow(name: string): void {
    const task = this.#taskOf(name);
    if (task.status === "paused") throw this.#error("rejected", `index [${name}] is already paused`, 400);
    task.status = "paused";
    task.fatal = null;
  }

  #resumeFollow(name: string): void {
    const index = this.#existing(name);
    const task = this.#taskOf(name);
    if (task.status === "active") throw this.#error("rejected", `[${name}] is already following`, 400);
    if (!index.open) throw this.#error("rejected", `index [${name}] is closed`, 400);
    const leader = { name: task.leaderIndex, uuid: task.leaderUuid };
    const checkpoint = index.operations.length - 1;
    const { remote, isCopied } = task;
    index.following = { ...newTask({ remote, leader, nowMs: this.#world.nowMs, checkpoint }), isCopied };
  }

  #setOpen(names: readonly string[], open: boolean): void {
    for (const name of names) {
      const index = this.#existing(name);
      if (!open && index.following?.status === "active") index.following.fatal = "index was closed";
      index.open = open;
      index.startingUntilMs = this.#world.nowMs + this.ailments.shardsStartMs;
    }
  }

  #probeWrite(name: string): void {
    const index = this.#existing(name);
    if (!this.isWell()) throw this.#error("rejected", "no active primary", 503);
    if (!index.open) throw this.#error("rejected", `index [${name}] is closed`, 400);
    if (index.writeBlocked) throw this.#error("rejected", `index [${name}] blocked by: FORBIDDEN/8/index write`, 403);
    if (index.following !== null) {
      throw this.#error(
        "rejected",
        "a following engine does not accept operations without an assigned sequence number",
        403,
      );
    }
  }

  #setAutoFollow(name: string, active: boolean): void {
    const pattern = this.#autoFollow.get(name);
    if (pattern === undefined) throw this.#error("not-found", `no auto-follow pattern [${name}]`, 404);
    this.#autoFollow.set(name, { ...pattern, active });
  }

  #taskOf(name: string): Following {
    const task = this.#existing(name).following;
    if (task === null) throw this.#error("rejected", `index [${name}] is not a follower`, 400);
    return task;
  }

  #existing(name: string): SimIndex {
    const index = this.indices.get(name);
    if (index === undefined) throw this.#error("not-found", `no such index [${name}]`, 404);
    return index;
  }

  #stateOf(index: SimIndex): IndexState {
    return {
      name: index.name,
      uuid: index.uuid,
      open: index.open,
      primaries: 1,
      primariesActive: this.ailments.red || this.#isStarting(index) ? 0 : 1,
      aliases: [...index.aliases],
      dataStream: null,
      writeBlocked: index.writeBlocked,
      following: index.following !== null,
    };
  }

  #isStarting({ startingUntilMs }: SimIndex): boolean {
    return startingUntilMs > this.#world.nowMs;
  }

  #checkpointOf(name: string): ShardCheckpoint {
    const index = this.#existing(name);
    const last = index.operations.length - 1;
    return { index: name, shard: 0, globalCheckpoint: last, maxSeqNo: last };
  }

  #followers(): readonly Follower[] {
    return [...this.indices.values()].flatMap(({ name, following, operations }) => {
      if (following === null) return [];
      const { remote, leaderIndex, status, leaderCheckpoint, lastReadMs, readError, fatal } = following;
      const shard = {
        shard: 0,
        followerCheckpoint: operations.length - 1,
        leaderCheckpointLastKnown: Math.max(leaderCheckpoint, operations.length - 1),
        millisSinceLastRead: this.#world.nowMs - lastReadMs,
        failedReads: readError === null ? 0 : 1,
        readErrors: readError === null ? [] : [readError],
        fatalError: fatal,
      };
      return [{ index: name, leaderIndex, remoteCluster: remote, status, shards: status === "paused" ? [] : [shard] }];
    });
  }

  #error(kind: ClusterErrorKind, message: string, status: number | null): ClusterError {
    return new ClusterError(this.region, kind, `${this.region}: ${message}`, status);
  }
}

const takesWrites = ({ open, following, writeBlocked }: SimIndex) => open && following === null && !writeBlocked;

interface TaskStart {
  readonly remote: RegionName;
  readonly leader: Pick<SimIndex, "name" | "uuid">;
  readonly nowMs: number;
  readonly checkpoint: number;
}

const newTask = ({ remote, leader, nowMs, checkpoint }: TaskStart): Following => ({
  remote,
  leaderIndex: leader.name,
  leaderUuid: leader.uuid,
  isCopied: false,
  status: "active",
  leaderCheckpoint: checkpoint,
  lastReadMs: nowMs,
  readError: null,
  fatal: null,
});
