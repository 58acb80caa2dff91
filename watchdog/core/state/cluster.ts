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
