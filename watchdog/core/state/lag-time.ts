import { type Follower, ofShard } from "./cluster.ts";
import type { LeaderSnapshot } from "./record-fields.ts";
import { shardsByIndex } from "./shards-by-index.ts";

/**
 * How far the standby lags, in time: for each shard, which operation its leader had when, and when the follower had that one too.
 * Both are times of the watchdog that observes both regions, so that no clock of another host counts; and every index is measured
 * by what is written to it, without a document of its own.
 */

/** What its leader was last seen to have beyond the follower, and when. */
interface Milestone {
  readonly seqNo: number;
  readonly seenAtMs: number;
}

interface ShardLag {
  readonly shard: number;
  /** The follower has everything that its leader had at this time. */
  readonly currentAtMs: number;
  /** The next one that the follower has to reach; null while it lacks nothing. */
  readonly milestone: Milestone | null;
}

export interface LagMemory {
  /** By leader UUID. */
  readonly shards: ReadonlyMap<string, readonly ShardLag[]>;
  /** Of the shard that lags most, as of the last comparison; null before the first one, and without a follower. */
  readonly lagMs: number | null;
}

export const noLagMemory: LagMemory = { shards: new Map(), lagMs: null };

/** What is compared: the leader's shards, and a moment later the followers whose first copies are complete. */
export interface LagComparison {
  readonly leader: Pick<LeaderSnapshot, "atMs" | "shards">;
  readonly followers: readonly Follower[];
  /** When the followers were read. */
  readonly atMs: number;
}

/** A leader that does not answer leaves the memory as it is: what it has meanwhile is not known. */
export function observeLag({ shards: known }: LagMemory, { leader, followers, atMs }: LagComparison): LagMemory {
  const led = shardsByIndex(leader.shards);
  const shards = new Map<string, readonly ShardLag[]>();
  let lagMs: number | null = null;
  for (const { index, leaderIndex, leaderUuid, shards: progress } of followers) {
    const key = leaderUuid ?? index;
    const before = known.get(key) ?? [];
    const lags = (led.get(leaderIndex) ?? []).map(({ shard, maxSeqNo }) => {
      // A paused follower tells nothing, and does not advance.
      const reached = ofShard(progress, shard)?.followerCheckpoint ?? -1;
      return next(ofShard(before, shard), { shard, reached, seqNo: maxSeqNo, seenAtMs: leader.atMs });
    });
    for (const { milestone, currentAtMs } of lags) {
      lagMs = Math.max(lagMs ?? 0, milestone === null ? 0 : atMs - currentAtMs);
    }
    shards.set(key, lags);
  }
  return { shards, lagMs };
}

/** What the leader of a shard was seen to have, and what its follower has. */
interface Reached extends Milestone {
  readonly shard: number;
  readonly reached: number;
}

/** One that is seen for the first time counts as current until then: its lag is at least what is told of it. */
function next(before: ShardLag | undefined, { shard, reached, seqNo, seenAtMs }: Reached): ShardLag {
  if (reached >= seqNo) return { shard, currentAtMs: seenAtMs, milestone: null };
  const led = { seqNo, seenAtMs };
  if (before === undefined) return { shard, currentAtMs: seenAtMs, milestone: led };
  const { milestone, currentAtMs } = before;
  if (milestone === null) return { shard, currentAtMs, milestone: led };
  return reached >= milestone.seqNo ? { shard, currentAtMs: milestone.seenAtMs, milestone: led } : before;
}
