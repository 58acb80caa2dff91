import type { Cluster } from "../../core/ports/cluster.ts";
import type { IndexState, ShardCheckpoint } from "../../core/state/cluster.ts";
import type { PlanStep, StepOf } from "../../core/state/plan.ts";
import { messageOf } from "../../util/errors.ts";
import { assertNoneLeft, inBatches, namesOf, presentOf, type StepContext } from "./step.ts";

/** Short: writers wait. */
const CATCH_UP_LOOK_MS = 200;

const isWritable = ({ open, writeBlocked }: IndexState) => open && !writeBlocked;

/**
 * Write blocks on the region that is left. The block API returns once no write is in flight any more: what a router had
 * already passed on is either in the index then, or refused.
 */
export async function blockWrites(context: StepContext, step: StepOf<"block-writes">): Promise<PlanStep> {
  const { other } = context;
  const writable = async () => namesOf(await other.indices(), isWritable);
  const found = await writable();
  const failures = await inBatches(context, found, (batch) => other.setWriteBlock(batch, true));
  assertNoneLeft(await writable(), `indices of ${other.region} that still take writes`, failures);
  return { ...step, indices: [...new Set([...step.indices, ...found])].toSorted() };
}

/** Waits until each shard holds exactly what its leader holds, with the leader's writes blocked. */
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
    await clock.sleep(CATCH_UP_LOOK_MS, signal);
  }
}

interface Comparison {
  readonly leaderCheckpoints: readonly ShardCheckpoint[];
  /** In words, shard by shard; empty when the two are equal. */
  readonly behind: readonly string[];
}

async function compare({ cluster, other }: StepContext): Promise<Comparison> {
  const [led, own] = await Promise.all([other.indices(), cluster.indices()]);
  const leaders = led.filter(({ open }) => open);
  const followers = new Set(namesOf(own, ({ open, following }) => open && following));
  const faults = leaders.flatMap((index) => {
    if (!index.writeBlocked) return [`${index.name} still takes writes in ${other.region}`];
    return followers.has(index.name) ? [] : [`${index.name} is not followed by ${cluster.region}`];
  });
  if (faults.length > 0) return { leaderCheckpoints: [], behind: faults };
  const names = leaders.map(({ name }) => name);
  const [leaderCheckpoints, followerCheckpoints] = await Promise.all([
    checkpointsOf(other, names),
    checkpointsOf(cluster, names),
  ]);
  const reached = new Map(followerCheckpoints.map((entry) => [`${entry.index}/${entry.shard}`, entry]));
  const silent = leaders.flatMap(({ name, primaries }) => {
    const answered = leaderCheckpoints.filter(({ index }) => index === name).length;
    return answered === primaries ? [] : [`${name} reports ${answered} of ${primaries} shards in ${other.region}`];
  });
  const behind = leaderCheckpoints.flatMap(({ index, shard, maxSeqNo, globalCheckpoint }) => {
    const shown = `shard ${shard} of ${index}`;
    if (globalCheckpoint !== maxSeqNo) return [`${shown} is at ${globalCheckpoint} of ${maxSeqNo} in ${other.region}`];
    const own = reached.get(`${index}/${shard}`);
    if (own !== undefined && own.globalCheckpoint === maxSeqNo && own.maxSeqNo === maxSeqNo) return [];
    return [
      `${shown} is at ${own?.globalCheckpoint ?? "nothing"} in ${cluster.region}, at ${maxSeqNo} in ${other.region}`,
    ];
  });
  return { leaderCheckpoints, behind: [...silent, ...behind] };
}

const checkpointsOf = async (cluster: Cluster, names: readonly string[]) =>
  names.length === 0 ? [] : cluster.checkpoints(names);

/** Takes our write blocks off again: from a region that was to be left, or from a former primary that is promoted. */
export async function liftWriteBlock(context: StepContext, step: StepOf<"lift-write-block">): Promise<PlanStep> {
  const { cluster } = context;
  const blocked = async () =>
    namesOf(await presentOf(cluster, step.indices), ({ open, writeBlocked }) => open && writeBlocked);
  const failures = await inBatches(context, await blocked(), (batch) => cluster.setWriteBlock(batch, false));
  assertNoneLeft(await blocked(), `indices of ${cluster.region} that still refuse writes`, failures);
  return step;
}
