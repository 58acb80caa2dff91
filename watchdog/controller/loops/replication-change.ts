import type { ReplicationChange } from "../../core/plans/replication-change.ts";
import { deleteFollower } from "./delete-follower.ts";
import { type ChangeContext, recreateFollower } from "./recreate-follower.ts";

/** Identifies the change for its retries. The reason of a failed copy may differ from one to the next. */
export const retryKey = (change: ReplicationChange): string =>
  change.kind === "recreate-follow" ? `recreate follower ${change.follower.name}` : describeChange(change);

/** Names the change for people. */
export function describeChange(change: ReplicationChange): string {
  switch (change.kind) {
    case "put-definition":
      return `put ${change.definition.kind} ${change.definition.name}`;
    case "put-auto-follow":
      return `put auto-follow pattern ${change.pattern.name}`;
    case "pause-auto-follow":
      return `pause auto-follow pattern ${change.name}: the active region does not answer`;
    case "resume-auto-follow":
      return `resume auto-follow pattern ${change.name}`;
    case "follow":
      return `follow ${change.index} of ${change.leader}`;
    case "open-follower":
      return `open follower ${change.index}`;
    case "lift-follower-block":
      return `lift the block of follower ${change.index}, which its leader does not have`;
    case "resume-follow":
      return `resume following ${change.index}`;
    case "restart-follow":
      return `restart following ${change.index} (${change.reason})`;
    case "delete-follower":
      return `delete follower ${change.follower.name}, whose leader was deleted in ${change.leader}`;
    case "recreate-follow":
      return `recreate follower ${change.follower.name} of ${change.leader.region} (${change.reason})`;
    default:
      throw new Error(`unknown change in ${JSON.stringify(change satisfies never)}`);
  }
}

/** Makes one change in the standby's cluster. */
export async function makeChange(change: ReplicationChange, context: ChangeContext): Promise<void> {
  const { cluster } = context;
  switch (change.kind) {
    case "put-definition":
      return cluster.putDefinition(change.definition);
    case "put-auto-follow":
      return cluster.putAutoFollow(change.pattern);
    case "pause-auto-follow":
      return cluster.pauseAutoFollow(change.name);
    case "resume-auto-follow":
      return cluster.resumeAutoFollow(change.name);
    case "follow":
      return cluster.follow(change.index, { remoteCluster: change.leader, index: change.index });
    case "open-follower":
      return cluster.openIndices([change.index]);
    case "lift-follower-block":
      return cluster.liftFollowerBlocks([change.index]);
    case "resume-follow":
      return cluster.resumeFollow(change.index);
    case "restart-follow":
      await cluster.pauseFollow(change.index);
      return cluster.resumeFollow(change.index);
    case "delete-follower":
      return deleteFollower(change, context);
    case "recreate-follow":
      return recreateFollower(change, context);
    default:
      throw new Error(`unknown change in ${JSON.stringify(change satisfies never)}`);
  }
}
