/**
 * Everything the watchdog asks of the outside world. The core decides and plans without any of it; the daemon carries
 * plans out through these interfaces, which have real adapters and simulated ones.
 *
 * Rules that every adapter keeps: each call is bounded by a timeout of its own (a call that cannot end is a call that
 * failed) and is never repeated by itself; a call that timed out may still have taken effect, so callers verify by
 * reading back. Errors carry the region or host they speak of.
 */
import type { RegionName } from "../config/address.ts";
import type { Divergence } from "./state/divergence.ts";
import type { StateRecord } from "./state/record.ts";

/** A request to a cluster that failed. `kind` is what callers may decide on; the message is for people. */
export class ClusterError extends Error {
  readonly region: RegionName;
  readonly kind: ClusterErrorKind;
  /** HTTP status, where the cluster answered at all. */
  readonly status: number | null;

  constructor(region: RegionName, kind: ClusterErrorKind, message: string, status: number | null = null) {
    super(message);
    this.name = "ClusterError";
    this.region = region;
    this.kind = kind;
    this.status = status;
  }
}

/**
 * unreachable: no node answered; timeout: no answer in time, the request may have taken effect; unauthorized: 401 or
 * 403 for lack of a privilege; not-found: 404; rejected: any other refusal, with the cluster's own reason.
 */
export type ClusterErrorKind = "unreachable" | "timeout" | "unauthorized" | "not-found" | "rejected";

/** What one look at a cluster found. A probe never throws: a failure is an answer too. */
export type ClusterProbe =
  | {
      readonly reachable: false;
      /** unauthorized says nothing of the region's health: it is the watchdog's own password that is wrong. */
      readonly kind: ClusterErrorKind;
      readonly error: string;
    }
  | {
      readonly reachable: true;
      readonly clusterUuid: string;
      readonly version: string;
      /** Name of the elected master, or null while there is none. */
      readonly master: string | null;
      /** Health over the managed indices alone: an index nobody replicates must not cause a failover. */
      readonly status: "green" | "yellow" | "red";
      /** Managed indices with a missing primary, by name. */
      readonly redIndices: readonly string[];
      readonly nodes: number;
    };

/** What a promotion or a follow needs to know of a cluster before anything is touched. */
export interface ClusterReadiness {
  readonly licence: { readonly type: string; readonly active: boolean; readonly allowsCcr: boolean };
  readonly version: string;
  /** Whether this cluster reaches the other region as a remote; `configured` false when it has no such remote. */
  readonly remote: { readonly configured: boolean; readonly connected: boolean };
  /** Nodes above the flood-stage or high disk watermark, by name. */
  readonly nodesLowOnDisk: readonly string[];
  /** True when the cluster refuses changes as a whole (cluster.blocks.read_only and alike). */
  readonly readOnly: boolean;
}

export interface AliasMembership {
  readonly alias: string;
  readonly isWriteIndex: boolean;
}

export interface IndexState {
  readonly name: string;
  readonly uuid: string;
  readonly open: boolean;
  readonly primaries: number;
  readonly primariesActive: number;
  readonly aliases: readonly AliasMembership[];
  /** Name of the data stream whose backing index this is. */
  readonly dataStream: string | null;
  readonly writeBlocked: boolean;
  /** True while it is a follower in the eyes of its own settings (`index.xpack.ccr.following_index`). */
  readonly following: boolean;
}

export interface ShardProgress {
  readonly shard: number;
  readonly followerCheckpoint: number;
  /** The leader's checkpoint as the follower last heard of it: on a dead link the lag looks small. */
  readonly leaderCheckpointLastKnown: number;
  readonly millisSinceLastRead: number;
  readonly failedReads: number;
  readonly readErrors: readonly string[];
  readonly fatalError: string | null;
}

export interface Follower {
  readonly index: string;
  readonly leaderIndex: string;
  readonly remoteCluster: string;
  readonly status: "active" | "paused";
  /** Empty while paused: a paused follower has no tasks to report. */
  readonly shards: readonly ShardProgress[];
}

export interface AutoFollowPattern {
  readonly name: string;
  readonly remoteCluster: string;
  readonly patterns: readonly string[];
  readonly exclusions: readonly string[];
  readonly active: boolean;
}

/** A shard's checkpoint, read from the shard itself (`_stats?level=shards`), so it is there for paused followers too. */
export interface ShardCheckpoint {
  readonly index: string;
  readonly shard: number;
  readonly globalCheckpoint: number;
  readonly maxSeqNo: number;
}

export interface DataStreamState {
  readonly name: string;
  readonly writeIndex: string;
  readonly replicated: boolean;
}

/** Cluster-wide definitions that CCR does not replicate, by kind and name, as the cluster returned them. */
export type DefinitionKind = "index-template" | "component-template" | "ilm-policy" | "ingest-pipeline";
export interface Definition {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One region's Elasticsearch cluster. All methods but `probe` throw `ClusterError`. */
export interface Cluster {
  readonly region: RegionName;
  probe(): Promise<ClusterProbe>;
  /**
   * @param reconnect whether a connection to the remote that was lost is made anew before it is judged, which may take a
   *   second. A cluster does that only when it uses the connection: after an outage it would seem cut off for good.
   */
  readiness(remote: RegionName, options?: { readonly reconnect: boolean }): Promise<ClusterReadiness>;

  /** Managed indices (those that the configured patterns name, exclusions taken out), followers and leaders alike. */
  indices(): Promise<readonly IndexState[]>;
  checkpoints(indices: readonly string[]): Promise<readonly ShardCheckpoint[]>;
  followers(): Promise<readonly Follower[]>;

  autoFollowPatterns(): Promise<readonly AutoFollowPattern[]>;
  putAutoFollow(pattern: Omit<AutoFollowPattern, "active">): Promise<void>;
  pauseAutoFollow(name: string): Promise<void>;
  resumeAutoFollow(name: string): Promise<void>;
  deleteAutoFollow(name: string): Promise<void>;

  follow(index: string, leader: { readonly remoteCluster: RegionName; readonly index: string }): Promise<void>;
  pauseFollow(index: string): Promise<void>;
  resumeFollow(index: string): Promise<void>;
  /** `signal` ends the wait for the answer, which may take as long as a lost leader is waited for; not what was begun. */
  unfollow(index: string, signal?: AbortSignal): Promise<void>;
  closeIndices(indices: readonly string[]): Promise<void>;
  openIndices(indices: readonly string[]): Promise<void>;
  /** Adds or removes the `write` block; returns once no write is in flight any more. */
  setWriteBlock(indices: readonly string[], blocked: boolean): Promise<void>;
  deleteIndices(indices: readonly string[]): Promise<void>;

  setWriteIndex(alias: string, index: string): Promise<void>;
  dataStreams(): Promise<readonly DataStreamState[]>;
  promoteDataStream(name: string): Promise<void>;
  rolloverDataStream(name: string): Promise<void>;

  /**
   * Proves that an index accepts writes, without leaving a document: deletes an id that does not exist, which takes
   * the whole write path (a follower answers 403) and adds only a tombstone.
   */
  probeWrite(index: string): Promise<void>;

  definitions(kinds: readonly DefinitionKind[]): Promise<readonly Definition[]>;
  putDefinition(definition: Definition): Promise<void>;
}

export interface SalvageReport {
  /** Where it lies, for people. */
  readonly place: string;
  readonly operations: number;
  /** Indices that were read, whether or not anything was above their checkpoints. */
  readonly indices: number;
  /** Indices that could not be read, with the reason and what to do. */
  readonly leftOut: readonly { readonly index: string; readonly reason: string }[];
}

/** Every index of the request, or none: see `refusals` for why not. */
export type DeletionAuthorization =
  | { readonly authorized: readonly string[] }
  | { readonly refusals: readonly { readonly index: string; readonly reason: string }[] };

/** Brings what a former primary holds alone to safety, and says what may be deleted of it then. */
export interface Salvage {
  /**
   * Exports what lies above the divergence's checkpoints, or finds that this was done before. The indices must be
   * write-blocked. `assertStillController` throws to break it off between two pages.
   */
  export(divergence: Divergence, formerPrimary: Cluster, assertStillController: () => void): Promise<SalvageReport>;
  /** Whether these indices may be deleted, from what they hold now and what lies in safety on this host. */
  authorizeDelete(
    divergence: Divergence,
    formerPrimary: Cluster,
    indices: readonly string[],
  ): Promise<DeletionAuthorization>;
}

export interface StoredRecord {
  readonly record: StateRecord;
  /** Opaque to callers; changes with every write. */
  readonly revision: string;
}

/** How a write of the record came out. */
export type Written = Pick<StoredRecord, "revision">;

/** A line of the history: what changed, when, by which rule. Append-only. */
export interface HistoryEntry {
  readonly atMs: number;
  readonly epoch: number;
  readonly rule: string;
  readonly explanation: string;
  readonly watchdog: string;
}

/** A router that may still be routing: it holds a lease. */
export interface RouterLease {
  readonly router: string;
  /** The highest epoch for which the router has emptied its tickets or opened to the new region. */
  readonly acknowledgedEpoch: number;
}

/**
 * Where the one state document lives. An error with the `kind` "rejected" is a refusal by a store that can be reached;
 * any other one means that it cannot.
 */
export interface Store {
  /** null when there has never been a record. */
  read(): Promise<StoredRecord | null>;
  /**
   * Compare-and-swap; `expected` null creates. Writes nothing on "conflict". Returns the revision that the record has
   * now, so that the next write may follow without a read: should another one come in between, it is a "conflict".
   */
  write(record: StateRecord, expected: string | null, entry: HistoryEntry): Promise<Written | "conflict">;
  history(limit: number): Promise<readonly HistoryEntry[]>;

  /**
   * Takes or renews this router's lease. Returns how long it holds, counted from the moment the call began. A router
   * first takes its lease, then reads the record (rule lease-first).
   */
  renewRouterLease(router: string): Promise<{ readonly validForMs: number }>;
  acknowledge(router: string, epoch: number): Promise<void>;
  /** Routers that hold a lease now. */
  routerLeases(): Promise<readonly RouterLease[]>;
}

/**
 * This host's own copy of the newest state document it has seen, apart from the store: a store that comes up empty is
 * filled from the highest epoch that any watchdog still has.
 */
export interface RecordCopy {
  /** null when there is none. */
  read(): Promise<StateRecord | null>;
  /** Replaces the copy, durable once it returns. */
  write(record: StateRecord): Promise<void>;
}

/** Permission for HAProxy to route to one region until a wall-clock time, given out under an epoch. */
export interface RoutingTicket {
  readonly epoch: number;
  readonly region: RegionName;
  /** Wall-clock milliseconds since 1970: what HAProxy compares with its own clock. */
  readonly validUntilMs: number;
}

export interface RouterState {
  /** Tickets that HAProxy itself reports from its map; regions without a time in the future are closed. */
  readonly tickets: readonly { readonly region: RegionName; readonly validUntilMs: number }[];
  readonly servers: readonly { readonly region: RegionName; readonly name: string; readonly up: boolean }[];
}

/** The HAProxy beside this watchdog. Methods throw with a sentence that names the socket or file. */
export interface Router {
  readonly name: string;
  /**
   * Opens one region and closes every other, in one atomic change of HAProxy's map, and writes the same to disk (never
   * newer than the map). Refuses a ticket with an epoch lower than the highest it has seen (also over restarts).
   */
  issueTicket(ticket: RoutingTicket): Promise<void>;
  /** Empties all tickets in HAProxy and on disk, cuts the sessions to `regions`, reads back, and only then returns. */
  close(epoch: number, regions: readonly RegionName[]): Promise<void>;
  state(): Promise<RouterState>;
}
