/** Whether the standby could take over without losing more than is always possible, and why not. */
export interface SyncJudgement {
  readonly inSync: boolean;
  readonly reasons: readonly string[];
  /** Operations over all shards, as last known to the followers. */
  readonly lagOperations: number;
  /** The longest time since a follower heard from its leader. */
  readonly readAgeMs: number;
}
