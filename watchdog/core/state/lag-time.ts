import type { Follower } from "./cluster.ts";
import type { LeaderSnapshot } from "./record-fields.ts";

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
  /** The follower has everything that its leader had at this time. */
  readonly currentAtMs: number;
  /** The next one that the follower has to reach; null while it lacks nothing. */
  readonly milestone: Milestone | null;
}

export interface LagMemory {
  /** By leader UUID and shard. */
  readonly shards: ReadonlyMap<string, ShardLag>;
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
  const led = Map.groupBy(leader.shards, ({ index }) => index);
  const shards = new Map<string, ShardLag>();
  let lagMs: number | null = null;
  for (const { index, leaderIndex, leaderUuid, shards: progress } of followers) {
    for (const { shard, maxSeqNo } of led.get(leaderIndex) ?? []) {
      const key = `${leaderUuid ?? index} ${shard}`;
      // A paused follower tells nothing, and does not advance.
      const reached = progress.find((each) => each.shard === shard)?.followerCheckpoint ?? -1;
      const lag = next(known.get(key), { reached, seqNo: maxSeqNo, seenAtMs: leader.atMs });
      shards.set(key, lag);
      lagMs = Math.max(lagMs ?? 0, lag.milestone === null ? 0 : atMs - lag.currentAtMs);
    }
  }
  return { shards, lagMs };
}

/** One that is seen for the first time counts as current until then: its lag is at least what is told of it. */
function next(before: ShardLag | undefined, { reached, ...led }: Milestone & { readonly reached: number }): ShardLag {
  if (reached >= led.seqNo) return { currentAtMs: led.seenAtMs, milestone: null };
  if (before === undefined) return { currentAtMs: led.seenAtMs, milestone: led };
  const { milestone, currentAtMs } = before;
  if (milestone === null) return { currentAtMs, milestone: led };
  return reached >= milestone.seqNo ? { currentAtMs: milestone.seenAtMs, milestone: led } : before;
}
