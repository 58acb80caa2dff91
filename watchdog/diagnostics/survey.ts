/** What the watchdog need not know from minute to minute, but an operator before an outage or a change. */
export interface Survey {
  storage(): Promise<Storage>;
  /** Every node with its version. */
  versions(): Promise<readonly { readonly node: string; readonly version: string }[]>;
  /** For how long each managed index keeps the history that a follower may miss, milliseconds. */
  retention(): Promise<readonly { readonly index: string; readonly periodMs: number }[]>;
  /** Each node's wall clock against this host's: positive when the node is ahead; right to half a round trip. */
  clocks(): Promise<readonly NodeClock[]>;
  /** Shortest of several requests that cost the cluster nothing, milliseconds. */
  roundTripMs(): Promise<number>;
  close(): Promise<void>;
}

export interface Storage {
  /** Of the managed indices, primaries alone: what a copy of them takes without replicas. */
  readonly managedPrimaryBytes: number;
  /** Of the managed indices, all copies. */
  readonly managedBytes: number;
  readonly nodes: readonly { readonly node: string; readonly availableBytes: number; readonly totalBytes: number }[];
}

export interface NodeClock {
  readonly node: string;
  readonly aheadMs: number;
  /** Half the time that the question took. */
  readonly uncertaintyMs: number;
}
