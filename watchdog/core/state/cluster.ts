/** What a cluster shows when it is asked: the values that observations, plans and adapters share. */

/**
 * unreachable: no node answered, or the cluster could not reach the one that it follows; timeout: no answer in time, the
 * request may have taken effect; untrusted: a node answered with a certificate that is not trusted; unauthorized: 401, or
 * 403 for lack of a privilege; unlicensed: 403 for lack of a licence; not-found: 404; rejected: any other refusal, with the
 * cluster's own reason.
 */
export const clusterErrorKinds = [
  "unreachable",
  "timeout",
  "untrusted",
  "unauthorized",
  "unlicensed",
  "not-found",
  "rejected",
] as const;
export type ClusterErrorKind = (typeof clusterErrorKinds)[number];

/** The result of one probe. A probe never throws: a failure is a result too. */
export type ClusterProbe =
  | {
      readonly reachable: false;
      /** See `probeInconclusive` for those that prove nothing about the region's health. */
      readonly kind: ClusterErrorKind;
      readonly error: string;
    }
  | {
      readonly reachable: true;
      readonly clusterUuid: string;
      readonly version: string;
      /** Name of the elected master; null while there is none. */
      readonly master: string | null;
      /** Health of the managed indices alone: an index that is not replicated must not cause a failover. */
      readonly status: "green" | "yellow" | "red";
      /** How many managed indices there are, followers included. */
      readonly managedIndices: number;
      /** Names of managed indices with a missing primary. */
      readonly redIndices: readonly string[];
      /** Names of managed indices whose missing primaries all wait for a first copy, running or failed; none is in `redIndices`. */
      readonly copyingIndices: readonly string[];
      readonly nodes: number;
      /** Blocks of the whole cluster that refuse writes, in Elasticsearch's words, such as "cluster read-only (api)". */
      readonly clusterBlocks: readonly string[];
      /** Names of managed indices that refuse writes because a node of theirs has passed the flood-stage disk watermark. */
      readonly floodedIndices: readonly string[];
      /** Whether the cluster refused its own health for lack of a licence: the probe then read its state instead. */
      readonly licenceLapsed: boolean;
    };

export interface ClusterLicence {
  readonly type: string;
  readonly active: boolean;
  readonly allowsCcr: boolean;
  /** When it ends or ended; null for one without an end. */
  readonly expiresAtMs: number | null;
}

export interface RemoteConnection {
  readonly configured: boolean;
  readonly connected: boolean;
  /** Whether it goes by a cross-cluster API key. */
  readonly keyed: boolean;
}

/** Whether a cluster can promote or follow: read before anything is changed. */
export interface ClusterReadiness {
  readonly licence: ClusterLicence;
  readonly version: string;
  /** Whether this cluster reaches the other region as a remote cluster; `configured` is false when it has no such remote. */
  readonly remote: RemoteConnection;
  /** Names of nodes above the high or flood-stage disk watermark; none is known while the licence has lapsed. */
  readonly nodesLowOnDisk: readonly string[];
  /** True when a cluster-wide block such as cluster.blocks.read_only refuses changes. */
  readonly readOnly: boolean;
  /** Names of indices that a running snapshot holds: until it has ended they can be neither closed nor deleted. */
  readonly snapshotting: readonly string[];
  /** False while `cluster.routing.allocation.enable` keeps the primaries of an index that is opened from being allocated. */
  readonly allocatesPrimaries: boolean;
}

export interface AliasMembership {
  readonly alias: string;
  readonly isWriteIndex: boolean;
}

/**
 * The first copy of a follower: it goes by files, as a restore from the leader, and the index has no primary until it is
 * complete.
 */
export interface FirstCopy {
  /** failed: Elasticsearch has given up; only deleting the follower and following again helps. */
  readonly state: "running" | "failed";
  /** Bytes copied so far, over all primaries. */
  readonly bytesDone: number;
  /** Bytes to copy; null until the restore has read what its leader holds. */
  readonly bytesTotal: number | null;
  /** null while no primary has begun. */
  readonly startedAtMs: number | null;
  /** Why it failed; null while it runs. */
  readonly error: string | null;
}

export interface IndexState {
  readonly name: string;
  readonly uuid: string;
  readonly createdAtMs: number;
  readonly open: boolean;
  readonly primaries: number;
  readonly primariesActive: number;
  readonly aliases: readonly AliasMembership[];
  /** Name of the data stream that this index backs; null for an index of no data stream. */
  readonly dataStream: string | null;
  readonly writeBlocked: boolean;
  /** True while its own setting `index.xpack.ccr.following_index` is set. */
  readonly following: boolean;
  /** null unless it is a follower whose primaries wait for their first copy. */
  readonly firstCopy: FirstCopy | null;
  /** Whether Elasticsearch has found no copy of any missing primary on its nodes. Only of followers without a first copy. */
  readonly noCopy: boolean;
  /** `index.lifecycle.indexing_complete`, which a rollover of index lifecycle management sets: nothing is written any more. */
  readonly indexingComplete: boolean;
  /** Mounted from a snapshot, wholly or in part: CCR refuses it as a leader. */
  readonly searchableSnapshot: boolean;
}

/** An index that no managed pattern matches, behind an alias that one does: such as a shrunk or a mounted one. */
export interface UnmatchedIndex {
  readonly name: string;
  /** Those that a managed pattern matches. */
  readonly aliases: readonly string[];
  readonly searchableSnapshot: boolean;
}

/** Identifies an index: a later one of the same name has another UUID. */
export type IndexId = Pick<IndexState, "name" | "uuid">;

/** An index that is to be deleted. */
export type DoomedIndex = IndexId & Pick<IndexState, "dataStream">;

export interface ShardProgress {
  readonly shard: number;
  readonly followerCheckpoint: number;
  /** The leader's checkpoint as the follower last read it: on a dead link the lag looks small. */
  readonly leaderCheckpointLastKnown: number;
  readonly millisSinceLastRead: number;
  /** Reads that the leader answered, since its task began: before the first one the lag seems to be 0. */
  readonly reads: number;
  readonly failedReads: number;
  /** Writes to the follower that failed, since its task began: they show in no error. */
  readonly failedWrites: number;
  readonly readErrors: readonly string[];
  readonly fatalError: string | null;
}

/** The one of this shard in a list by shards: mostly at its position. */
export const ofShard = <T extends { readonly shard: number }>(list: readonly T[], shard: number): T | undefined =>
  list[shard]?.shard === shard ? list[shard] : list.find((each) => each.shard === shard);

export interface Follower {
  readonly index: string;
  readonly leaderIndex: string;
  /** UUID of the index that it follows: a leader of the same name created later is another index. null: not known. */
  readonly leaderUuid: string | null;
  readonly remoteCluster: string;
  readonly status: "active" | "paused";
  /** Empty while paused: a paused follower has no tasks that report. */
  readonly shards: readonly ShardProgress[];
}

/** Whether it follows another index than the one with this UUID, as far as is known. */
export const followsAnother = ({ leaderUuid }: Pick<Follower, "leaderUuid">, uuid: string): boolean =>
  leaderUuid !== null && leaderUuid !== uuid;

export interface AutoFollowPattern {
  readonly name: string;
  readonly remoteCluster: string;
  readonly patterns: readonly string[];
  readonly exclusions: readonly string[];
  /** `follow_index_pattern`, where followers get other names than their leaders. */
  readonly followerNames?: string;
  readonly active: boolean;
}

/** A shard's checkpoints, read from the shard itself (`_stats?level=shards`): paused followers have them too. */
export interface ShardCheckpoint {
  readonly index: string;
  readonly shard: number;
  readonly globalCheckpoint: number;
  readonly maxSeqNo: number;
}

export interface DataStreamState {
  readonly name: string;
  /** Its backing indices, in order. */
  readonly indices: readonly IndexId[];
  /** The last of them, which takes what is written to the stream, and is not deleted without the stream. */
  readonly writeIndex: string;
  /** Followed from another cluster, and not promoted yet: it cannot be rolled over. */
  readonly replicated: boolean;
  /** Whether an index template matches it: a rollover needs one. */
  readonly hasTemplate: boolean;
  /** Indices of its failure store, which CCR does not replicate. */
  readonly failureIndices: readonly string[];
}

/** Cluster-wide definitions that CCR does not replicate, by kind and name, as the cluster returned them. */
export type DefinitionKind = "index-template" | "component-template" | "ilm-policy" | "ingest-pipeline";
export interface Definition {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}
