import type { RegionName } from "../../config/address.ts";
import type {
  AutoFollowPattern,
  ClusterErrorKind,
  ClusterProbe,
  ClusterReadiness,
  DataStreamState,
  Definition,
  DefinitionKind,
  Follower,
  IndexId,
  IndexState,
  ShardCheckpoint,
  UnmatchedIndex,
} from "../state/cluster.ts";
import type { SnapshotState } from "../state/snapshots.ts";

/**
 * The controller reaches the outside through the interfaces in this folder, which have real adapters and simulated ones.
 *
 * Rules for every adapter: each call is bounded by a timeout of its own and is not repeated by the adapter. A call that
 * timed out may still have taken effect, so callers read back. Errors name the region or host that they are about.
 */

/** A request to a cluster that failed. Callers decide on `kind`; the message is for people. */
export class ClusterError extends Error {
  readonly region: RegionName;
  readonly kind: ClusterErrorKind;
  /** HTTP status; null when the cluster did not answer. */
  readonly status: number | null;

  constructor(region: RegionName, kind: ClusterErrorKind, message: string, status: number | null = null) {
    super(message);
    this.name = "ClusterError";
    this.region = region;
    this.kind = kind;
    this.status = status;
  }
}

/** A follower in another cluster. */
export interface ForeignFollower {
  readonly cluster: string;
  readonly index: IndexId;
  /** Name of the leader's cluster in the follower's. */
  readonly remoteCluster: RegionName;
}

/** One region's Elasticsearch cluster. All methods but `probe` throw `ClusterError`. */
export interface Cluster {
  readonly region: RegionName;
  probe(): Promise<ClusterProbe>;
  /**
   * @param reconnect whether to open a lost connection to the remote again before reporting on it, which may take
   *   three seconds. A cluster opens one only when it uses it: after an outage the remote would seem disconnected for good.
   */
  readiness(remote: RegionName, options?: { readonly reconnect: boolean }): Promise<ClusterReadiness>;

  /** The last snapshot that succeeded, and why a later one failed. */
  snapshots(): Promise<SnapshotState>;

  /** Managed indices: those that the configured patterns match and the exclusions do not, followers and leaders alike. */
  indices(): Promise<readonly IndexState[]>;
  /** Indices that are not managed, behind aliases that the configured patterns match. */
  unmatchedIndices(): Promise<readonly UnmatchedIndex[]>;
  checkpoints(indices: readonly string[]): Promise<readonly ShardCheckpoint[]>;
  followers(): Promise<readonly Follower[]>;

  autoFollowPatterns(): Promise<readonly AutoFollowPattern[]>;
  putAutoFollow(pattern: Omit<AutoFollowPattern, "active" | "followerNames">): Promise<void>;
  pauseAutoFollow(name: string): Promise<void>;
  resumeAutoFollow(name: string): Promise<void>;
  deleteAutoFollow(name: string): Promise<void>;

  follow(index: string, leader: { readonly remoteCluster: RegionName; readonly index: string }): Promise<void>;
  /** `cluster.name`, by which leaders know this cluster's followers. */
  clusterName(): Promise<string>;
  /**
   * Removes what a follower that was deleted left at its leader, in this cluster: retention leases, for whose sake it keeps
   * history. Also succeeds when there is none.
   */
  forgetFollower(leaderIndex: string, follower: ForeignFollower): Promise<void>;
  pauseFollow(index: string): Promise<void>;
  resumeFollow(index: string): Promise<void>;
  /** `signal` ends the wait for the answer, which lasts as long as the cluster waits for a lost leader; not the request. */
  unfollow(index: string, signal?: AbortSignal): Promise<void>;
  closeIndices(indices: readonly string[]): Promise<void>;
  openIndices(indices: readonly string[]): Promise<void>;
  /** Adds or removes the `write` block; when adding, returns once no write is in flight. */
  setWriteBlock(indices: readonly string[], blocked: boolean): Promise<void>;
  /** Adds the `write` block to backing indices of data streams, of which one takes the stream's writes. */
  blockBackingIndices(indices: readonly string[]): Promise<void>;
  /** Removes `index.blocks.write` and `index.blocks.read_only` from followers, whose leader had them when they were made. */
  liftFollowerBlocks(indices: readonly string[]): Promise<void>;
  /** UUIDs of those of the named indices that exist, open or closed. */
  uuids(indices: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** `deleteConfirmed` of the controller calls it, which checks first that these are the indices that were meant. */
  deleteIndices(indices: readonly string[]): Promise<void>;

  setWriteIndex(alias: string, index: string): Promise<void>;
  /** Removes `index.lifecycle.indexing_complete`: the index is written to again. */
  resumeIndexing(index: string): Promise<void>;
  /** Managed data streams: those whose name the configured patterns match. */
  dataStreams(): Promise<readonly DataStreamState[]>;
  promoteDataStream(name: string): Promise<void>;
  rolloverDataStream(name: string): Promise<void>;
  /** With all its backing indices. `deleteConfirmed` of the controller calls it. */
  deleteDataStream(name: string): Promise<void>;

  /**
   * Proves that an index accepts writes, without leaving a document: deletes an id that does not exist, which takes
   * the whole write path (a follower answers 403) and adds only a tombstone.
   */
  probeWrite(index: string): Promise<void>;

  definitions(kinds: readonly DefinitionKind[]): Promise<readonly Definition[]>;
  putDefinition(definition: Definition): Promise<void>;
}

/** null where the cluster refuses them for lack of a licence, as it does all statistics. @throws ClusterError */
export async function checkpointsOf(
  cluster: Cluster,
  indices: readonly string[],
): Promise<readonly ShardCheckpoint[] | null> {
  try {
    return await cluster.checkpoints(indices);
  } catch (error) {
    if (error instanceof ClusterError && error.kind === "unlicensed") return null;
    throw error;
  }
}
