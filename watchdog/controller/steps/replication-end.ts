import type { Follower } from "../../core/state/cluster.ts";
import { type LeaderCheckpoints, type StepOf, stepOf } from "../../core/state/plan.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { assertNoneLeft, each, followersOf, POLL_INTERVAL_MS, type StepContext } from "./step.ts";
import { liftFollowerBlocks } from "./write-blocks.ts";

/** The steps that end the replication from the other region, before followers are detached. */

export async function pauseAutoFollow(context: StepContext, step: StepOf<"pause-auto-follow">) {
  const { cluster, other } = context;
  const active = async () =>
    (await cluster.autoFollowPatterns())
      .filter((pattern) => pattern.active && pattern.remoteCluster === other.region)
      .map(({ name }) => name);
  const failures = await each(context, await active(), String, (name) => cluster.pauseAutoFollow(name));
  assertNoneLeft(await active(), "auto-follow patterns still active", failures);
  return step;
}

/** Consecutive polls without progress after which replication counts as drained. */
const DRAIN_QUIET_POLLS = 2;

/** Waits, within the step's timeout, until the followers make no more progress. */
export async function drain({ cluster, other, clock, signal }: StepContext, step: StepOf<"drain">) {
  const endsMs = clock.monotonicMs() + step.timeoutMs;
  let followers = await followersOf(cluster, other.region);
  let quiet = 0;
  while (quiet < DRAIN_QUIET_POLLS && clock.monotonicMs() < endsMs) {
    await clock.sleep(POLL_INTERVAL_MS, signal);
    const now = await followersOf(cluster, other.region);
    quiet = progressOf(now) === progressOf(followers) ? quiet + 1 : 0;
    followers = now;
  }
  return { ...step, leaderCheckpoints: highest(step.leaderCheckpoints ?? [], leaderCheckpointsOf(followers)) };
}

const progressOf = (followers: readonly Follower[]) =>
  JSON.stringify(
    followers.map(({ index, shards }) => [
      index,
      shards.map(({ shard, followerCheckpoint, leaderCheckpointLastKnown }) => [
        shard,
        followerCheckpoint,
        leaderCheckpointLastKnown,
      ]),
    ]),
  );

const leaderCheckpointsOf = (followers: readonly Follower[]): LeaderCheckpoints =>
  followers.flatMap(({ index, shards }) =>
    shards.map(({ shard, leaderCheckpointLastKnown }) => ({ index, shard, checkpoint: leaderCheckpointLastKnown })),
  );

/** Both lists merged; the higher checkpoint of a shard that is in both. */
function highest(a: LeaderCheckpoints, b: LeaderCheckpoints): LeaderCheckpoints {
  const all = new Map<string, LeaderCheckpoints[number]>();
  for (const entry of [...a, ...b]) {
    const key = `${entry.index}/${entry.shard}`;
    if ((all.get(key)?.checkpoint ?? Number.NEGATIVE_INFINITY) < entry.checkpoint) all.set(key, entry);
  }
  return [...all.values()];
}

const activeOf = async ({ cluster, other }: StepContext, indices: readonly string[]) =>
  (await followersOf(cluster, other.region))
    .filter(({ index, status }) => status === "active" && indices.includes(index))
    .map(({ index }) => index);

/** Pauses those of these followers that are active; returns how many were. */
export async function pauseActive(context: StepContext, indices: readonly string[]): Promise<number> {
  const active = await activeOf(context, indices);
  await each(context, active, String, (index) => context.cluster.pauseFollow(index));
  return active.length;
}

/** Lifts the blocks that came along as well: of `read_only` a follower can be neither paused nor closed. */
export async function pauseFollow(context: StepContext, step: StepOf<"pause-follow">) {
  const { cluster, record } = context;
  const kept = stepOf(record.plan, "keep-blocks")?.indices ?? [];
  const unblocked = (await liftFollowerBlocks(context, step.indices)).filter((name) => !kept.includes(name));
  const failures = await each(context, await activeOf(context, step.indices), String, (index) =>
    cluster.pauseFollow(index),
  );
  const [of, reason] = [step.indices.length, "its following could not be paused"];
  assertNoneStuck(await activeOf(context, step.indices), { of, what: "indices still following", reason, failures });
  return { ...step, lifted: [...new Set([...step.lifted, ...unblocked])].toSorted() };
}
