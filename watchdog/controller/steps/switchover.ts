import type { Cluster } from "../../core/ports/cluster.ts";
import type { IndexState, ShardCheckpoint } from "../../core/state/cluster.ts";
import { unfollowable } from "../../core/state/followable.ts";
import { type PlanStep, type StepOf, stepOf } from "../../core/state/plan.ts";
import { messageOf } from "../../util/errors.ts";
import { assertNoneLeft, namesOf, type StepContext } from "./step.ts";
import { blockMarked, liftFollowerBlocks } from "./write-blocks.ts";

/** Short, because writers wait. */
const CATCH_UP_POLL_MS = 200;

const isWritable = ({ open, writeBlocked }: IndexState) => open && !writeBlocked;

/**
 * Sets write blocks on the old region. The block API returns once no write is in flight: what a router had already
 * forwarded is then either indexed or refused.
 *
 * @throws UnmarkedIndices
 */
export async function blockWrites(context: StepContext, step: StepOf<"block-writes">): Promise<PlanStep> {
  await blockMarked(context, context.other, isWritable);
  return step;
}

/** Waits, within the step's timeout, until each shard equals its leader, whose writes are blocked. */
export async function catchUp(context: StepContext, step: StepOf<"catch-up">): Promise<PlanStep> {
  const { clock, signal } = context;
  const endsMs = clock.monotonicMs() + step.timeoutMs;
  for (;;) {
    const { leaderCheckpoints, behind } = await compare(context).catch((error: unknown) => ({
      leaderCheckpoints: [],
      behind: [messageOf(error)],
    }));
    if (behind.length === 0) {
      return {
        ...step,
        leaderCheckpoints: leaderCheckpoints.map(({ index, shard, maxSeqNo: checkpoint }) => ({
          index,
          shard,
          checkpoint,
        })),
      };
    }
    if (clock.monotonicMs() >= endsMs) assertNoneLeft(behind, `not caught up within ${step.timeoutMs} ms`, []);
    await clock.sleep(CATCH_UP_POLL_MS, signal);
  }
}

interface Comparison {
  readonly leaderCheckpoints: readonly ShardCheckpoint[];
  /** Shard by shard, in words; empty when both regions are equal. */
  readonly behind: readonly string[];
}

async function compare(context: StepContext): Promise<Comparison> {
  const { cluster, other } = context;
  const [led, own] = await Promise.all([other.indices(), cluster.indices()]);
  // One that began to follow after its leader was write-blocked has the block, too, and takes no operation.
  await liftFollowerBlocks(
    context,
    namesOf(own, ({ following, writeBlocked }) => following && writeBlocked),
  );
  const leaders = led.filter((index) => unfollowable(index) === null);
  const promoted = new Set(stepOf(context.record.plan, "record-checkpoints")?.indices);
  const followers = new Set(namesOf(own, ({ name, open, following }) => open && (following || promoted.has(name))));
  const blockers = leaders.flatMap((index) => {
    if (!index.writeBlocked) return [`${index.name} still takes writes in ${other.region}`];
    return followers.has(index.name) ? [] : [`${index.name} is not followed by ${cluster.region}`];
  });
  if (blockers.length > 0) return { leaderCheckpoints: [], behind: blockers };
  const names = leaders.map(({ name }) => name);
  const [leaderCheckpoints, followerCheckpoints] = await Promise.all([
    checkpointsOf(other, names),
    checkpointsOf(cluster, names),
  ]);
  const missing = leaders.flatMap(({ name, primaries }) => {
    const answered = leaderCheckpoints.filter(({ index }) => index === name).length;
    return answered === primaries ? [] : [`${name} reports ${answered} of ${primaries} shards in ${other.region}`];
  });
  const regions = { leader: other.region, follower: cluster.region };
  return { leaderCheckpoints, behind: [...missing, ...shardsBehind(leaderCheckpoints, followerCheckpoints, regions)] };
}

function shardsBehind(
  leaderCheckpoints: readonly ShardCheckpoint[],
  followerCheckpoints: readonly ShardCheckpoint[],
  { leader, follower }: { readonly leader: string; readonly follower: string },
): readonly string[] {
  const reached = new Map(followerCheckpoints.map((entry) => [`${entry.index}/${entry.shard}`, entry]));
  return leaderCheckpoints.flatMap(({ index, shard, maxSeqNo, globalCheckpoint }) => {
    const shown = `shard ${shard} of ${index}`;
    if (globalCheckpoint !== maxSeqNo) return [`${shown} is at ${globalCheckpoint} of ${maxSeqNo} in ${leader}`];
    const own = reached.get(`${index}/${shard}`);
    if (own !== undefined && own.globalCheckpoint === maxSeqNo && own.maxSeqNo === maxSeqNo) return [];
    return [`${shown} is at ${own?.globalCheckpoint ?? "nothing"} in ${follower}, at ${maxSeqNo} in ${leader}`];
  });
}

const checkpointsOf = async (cluster: Cluster, names: readonly string[]) =>
  names.length === 0 ? [] : cluster.checkpoints(names);
