import type { ReplicationChange } from "../../core/plans/replication.ts";
import type { Cluster } from "../../core/ports/cluster.ts";
import type { IndexId } from "../../core/state/cluster.ts";
import { deleteConfirmed } from "../delete-indices.ts";

/** Identifies the change for people, and for its retries. */
export function describeChange(change: ReplicationChange): string {
  switch (change.kind) {
    case "put-definition":
      return `put ${change.definition.kind} ${change.definition.name}`;
    case "put-auto-follow":
      return `put auto-follow pattern ${change.pattern.name}`;
    case "resume-auto-follow":
      return `resume auto-follow pattern ${change.name}`;
    case "follow":
      return `follow ${change.index} of ${change.leader}`;
    case "open-follower":
      return `open follower ${change.index}`;
    case "resume-follow":
      return `resume following ${change.index}`;
    case "restart-follow":
      return `restart following ${change.index} (${change.reason})`;
    case "recreate-follow":
      return `recreate follower ${change.index} of ${change.leader} (${change.reason})`;
    default:
      throw new Error(`unknown change in ${JSON.stringify(change satisfies never)}`);
  }
}

export interface ChangeContext {
  /** The standby. */
  readonly cluster: Cluster;
  readonly leader: Cluster;
  /** Throws unless the store confirms that the standby is still to follow: see `confirmController`. */
  readonly confirm: () => Promise<void>;
}

/** Makes one change in the standby's cluster. */
export async function makeChange(
  change: ReplicationChange,
  { cluster, leader, confirm }: ChangeContext,
): Promise<void> {
  switch (change.kind) {
    case "put-definition":
      return cluster.putDefinition(change.definition);
    case "put-auto-follow":
      return cluster.putAutoFollow(change.pattern);
    case "resume-auto-follow":
      return cluster.resumeAutoFollow(change.name);
    case "follow":
      return cluster.follow(change.index, { remoteCluster: change.leader, index: change.index });
    case "open-follower":
      return cluster.openIndices([change.index]);
    case "resume-follow":
      return cluster.resumeFollow(change.index);
    case "restart-follow":
      await cluster.pauseFollow(change.index);
      return cluster.resumeFollow(change.index);
    case "recreate-follow": {
      const follower = await assertLeaderHasAll(change.index, cluster, leader);
      // Should this be interrupted here, the next round follows the index, as it is missing.
      await deleteConfirmed(cluster, [follower], confirm);
      return cluster.follow(change.index, { remoteCluster: change.leader, index: change.index });
    }
    default:
      throw new Error(`unknown change in ${JSON.stringify(change satisfies never)}`);
  }
}

/** A copy may be deleted only while it is a follower, and its leader has all of its operations. */
async function assertLeaderHasAll(index: string, cluster: Cluster, leader: Cluster): Promise<IndexId> {
  const [states, own, led] = await Promise.all([
    cluster.indices(),
    cluster.checkpoints([index]),
    leader.checkpoints([index]),
  ]);
  const state = states.find(({ name }) => name === index);
  if (state === undefined || !state.following) throw new Error(`${index} is no longer a follower`);
  const ahead = own.filter(({ shard, maxSeqNo }) => {
    const source = led.find((candidate) => candidate.shard === shard);
    return source === undefined || source.globalCheckpoint < maxSeqNo;
  });
  if (own.length < state.primaries || ahead.length > 0) {
    throw new Error(`${index} may hold operations that ${leader.region} lacks: kept, an operator has to inspect it`);
  }
  return state;
}
