import type { IndexState, ShardCheckpoint } from "../../core/state/cluster.ts";
import type { DocumentCopy, DocumentReference } from "../../salvage/ports.ts";

/** A document that differs between the regions, although replication should have made it equal. */
export interface DocumentDifference extends DocumentReference {
  readonly kind: "missing-on-follower" | "extra-on-follower" | "different";
}

export type DocumentJudgement = "equal" | "inconclusive" | DocumentDifference["kind"];

export interface ShardPosition {
  /** Both regions had all operations up to this sequence number before the documents were read. */
  readonly sharedUpTo: number;
  /** Throughout the comparison neither region changed, and the follower had all operations of the leader. */
  readonly atRest: boolean;
}

/**
 * Compares a document. The follower's copy must have been read before the leader's: then a leader's copy from within the
 * shared history did not change in between, so the follower must have had exactly that copy.
 */
export function judgeDocument(
  follower: DocumentCopy | null,
  leader: DocumentCopy | null,
  { sharedUpTo, atRest }: ShardPosition,
): DocumentJudgement {
  if (follower === null && leader === null) return "equal";
  if (follower !== null && leader !== null && isSameContent(follower, leader)) return "equal";
  // Deleted or changed on the leader after the shared history: the follower may not have that operation yet.
  const mayBePending = leader === null || leader.seqNo > sharedUpTo;
  if (mayBePending && !atRest) return "inconclusive";
  if (leader === null) return "extra-on-follower";
  return follower === null ? "missing-on-follower" : "different";
}

function isSameContent(a: DocumentCopy, b: DocumentCopy): boolean {
  // Without _source only the versions can be compared.
  if (a.contentHash === null || b.contentHash === null) return a.seqNo === b.seqNo && a.version === b.version;
  return a.contentHash === b.contentHash;
}

export interface PairedIndices {
  /** Open in both regions, with the same number of shards. */
  readonly common: readonly IndexState[];
  readonly onlyOnLeader: readonly string[];
  readonly onlyOnFollower: readonly string[];
  /** In both regions, but not comparable, with the reason. */
  readonly incomparable: readonly { readonly index: string; readonly reason: string }[];
}

export function pairIndices(leader: readonly IndexState[], follower: readonly IndexState[]): PairedIndices {
  const followerByName = new Map(follower.map((index) => [index.name, index]));
  const leaderNames = new Set(leader.map(({ name }) => name));
  const common: IndexState[] = [];
  const onlyOnLeader: string[] = [];
  const incomparable: { index: string; reason: string }[] = [];
  for (const index of leader) {
    const other = followerByName.get(index.name);
    if (other === undefined) onlyOnLeader.push(index.name);
    else if (!index.open || !other.open) incomparable.push({ index: index.name, reason: "closed in one region" });
    else if (index.primariesActive < index.primaries || other.primariesActive < other.primaries) {
      incomparable.push({ index: index.name, reason: "a primary shard is missing in one region" });
    } else if (index.primaries !== other.primaries) {
      incomparable.push({
        index: index.name,
        reason: `${index.primaries} shards on the leader, ${other.primaries} on the follower`,
      });
    } else common.push(index);
  }
  const onlyOnFollower = follower.map(({ name }) => name).filter((name) => !leaderNames.has(name));
  return { common, onlyOnLeader, onlyOnFollower, incomparable };
}

/** A shard's checkpoints in both regions, before and after the comparison. */
export interface ShardMovement {
  readonly before: { readonly leader: ShardCheckpoint; readonly follower: ShardCheckpoint };
  readonly after: { readonly leader: ShardCheckpoint; readonly follower: ShardCheckpoint };
}

export function positionOf({ before, after }: ShardMovement): ShardPosition {
  const restingAt = before.leader.maxSeqNo;
  const all = [before.leader, before.follower, after.leader, after.follower];
  return {
    sharedUpTo: Math.min(before.leader.globalCheckpoint, before.follower.globalCheckpoint),
    atRest: all.every(({ maxSeqNo, globalCheckpoint }) => maxSeqNo === restingAt && globalCheckpoint === restingAt),
  };
}
