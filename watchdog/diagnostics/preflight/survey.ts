/** What an operator needs to know before an outage or a change, but the watchdog not from minute to minute. */
export interface Survey {
  storage(): Promise<Storage>;
  /** Every node with its version. */
  versions(): Promise<readonly { readonly node: string; readonly version: string }[]>;
  /** How long each managed index retains the operations that a follower may miss. */
  retention(): Promise<readonly { readonly index: string; readonly periodMs: number }[]>;
  /** The shards of the managed indices, those without a primary left out. */
  leases(): Promise<readonly ShardLease[]>;
  clocks(): Promise<readonly NodeClock[]>;
  /** Shortest of several requests that cost the cluster next to nothing. */
  roundTripMs(): Promise<number>;
  close(): Promise<void>;
}

export interface ShardLease {
  readonly index: string;
  readonly shard: number;
  /** When a follower last renewed its retention lease on the shard, by the shard's clock; null: none has one. */
  readonly renewedAtMs: number | null;
}

export interface Storage {
  /** Primaries of the managed indices: what a copy transfers. */
  readonly managedPrimaryBytes: number;
  /** All copies of the managed indices: what a copy occupies. */
  readonly managedBytes: number;
  readonly nodes: readonly { readonly node: string; readonly availableBytes: number; readonly totalBytes: number }[];
}

export interface NodeClock {
  readonly node: string;
  /** The node's wall clock minus this host's; positive when the node is ahead. */
  readonly aheadMs: number;
  /** Half the duration of the request. */
  readonly uncertaintyMs: number;
}
