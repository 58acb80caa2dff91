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
  IndexState,
  ShardCheckpoint,
} from "../state/cluster.ts";

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
