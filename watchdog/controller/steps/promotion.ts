import { noLoss } from "../../core/plans/switchover.ts";
import type { Follower, ShardCheckpoint } from "../../core/state/cluster.ts";
import { estimateLoss } from "../../core/state/loss.ts";
import type { LeaderCheckpoints, PlanStep, StepKind, StepOf } from "../../core/state/plan.ts";
import { stepOf } from "../../core/state/plan.ts";
import type { PlannedRecord } from "../../core/state/record.ts";
import type { LossEstimate } from "../../core/state/record-fields.ts";
import type { Clock } from "../../util/clock.ts";
import { clear, fence, salvage } from "./rejoin.ts";
import {
  assertNoneLeft,
  each,
  followersOf,
  inBatches,
  lacksPrimary,
  namesOf,
  POLL_INTERVAL_MS,
  presentOf,
  type StepContext,
  type StepRunner,
} from "./step.ts";
import { blockWrites, catchUp, liftWriteBlock } from "./switchover.ts";

/** Followers that came up after the plan was made. They are no failure: the plan is extended by them. */
export class LateFollowers extends Error {
  readonly indices: readonly string[];

  constructor(indices: readonly string[]) {
    super(`${indices.join(", ")} began to follow while the promotion was under way`);
    this.name = "LateFollowers";
    this.indices = indices;
  }
}

export const stepRunners: { readonly [K in StepKind]: StepRunner<K> } = {
  "pause-auto-follow": pauseAutoFollow,
  drain,
  "record-checkpoints": recordCheckpoints,
  "pause-follow": pauseFollow,
  close,
  unfollow,
  open,
  "write-aliases": setWriteAliases,
  "data-streams": promoteDataStreams,
  verify,
  "block-writes": blockWrites,
  "catch-up": catchUp,
  "lift-write-block": liftWriteBlock,
  fence,
  salvage,
  clear,
};

/** Runs a step of any kind. */
export function runStep(context: StepContext, step: PlanStep): Promise<PlanStep> {
  const runner = stepRunners[step.kind] as (context: StepContext, step: PlanStep) => Promise<PlanStep>;
  return runner(context, step);
}

async function pauseAutoFollow(context: StepContext, step: StepOf<"pause-auto-follow">) {
  const { cluster, other } = context;
  const active = async () =>
    (await cluster.autoFollowPatterns())
      .filter((pattern) => pattern.active && pattern.remoteCluster === other.region)
      .map(({ name }) => name);
  const failures = await each(context, await active(), String, (name) => cluster.pauseAutoFollow(name));
  assertNoneLeft(await active(), "auto-follow patterns still active", failures);
  return step;
}

/** Looks without a change after which replication has ended. */
const DRAIN_QUIET_LOOKS = 2;

async function drain({ cluster, other, clock, signal }: StepContext, step: StepOf<"drain">) {
  const endsMs = clock.monotonicMs() + step.timeoutMs;
  let followers = await followersOf(cluster, other.region);
  let quiet = 0;
  while (quiet < DRAIN_QUIET_LOOKS && clock.monotonicMs() < endsMs) {
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

/** Both lists as one, with the higher checkpoint where both speak of a shard. */
function highest(a: LeaderCheckpoints, b: LeaderCheckpoints): LeaderCheckpoints {
  const all = new Map<string, LeaderCheckpoints[number]>();
  for (const entry of [...a, ...b]) {
    const key = `${entry.index}/${entry.shard}`;
    if ((all.get(key)?.checkpoint ?? Number.NEGATIVE_INFINITY) < entry.checkpoint) all.set(key, entry);
  }
  return [...all.values()];
}

async function pauseFollow(context: StepContext, step: StepOf<"pause-follow">) {
  const { cluster, other } = context;
  const active = async () =>
    (await followersOf(cluster, other.region))
      .filter(({ index, status }) => status === "active" && step.indices.includes(index))
      .map(({ index }) => index);
  const failures = await each(context, await active(), String, (index) => cluster.pauseFollow(index));
  assertNoneLeft(await active(), "indices still following", failures);
  return step;
}

async function recordCheckpoints({ cluster, record }: StepContext, step: StepOf<"record-checkpoints">) {
  // Indices that are through already have moved on since: what was recorded of them stands.
  const recorded = step.checkpoints ?? [];
  const known = new Set(recorded.map(({ index }) => index));
  const present = await presentOf(cluster, step.indices);
  const wanted = present.filter(({ name, following }) => following && !known.has(name)).map(({ name }) => name);
  const fresh = wanted.length === 0 ? [] : await cluster.checkpoints(wanted);
  const answered = new Set(fresh.map(({ index }) => index));
  assertNoneLeft(
    wanted.filter((index) => !answered.has(index)),
    "indices without a checkpoint",
    [],
  );
  const checkpoints = [...recorded, ...fresh];
  return { ...step, checkpoints, loss: lossOf(record, checkpoints) };
}

function lossOf(record: PlannedRecord, checkpoints: readonly ShardCheckpoint[]): LossEstimate | null {
  if (record.phase !== "promoting") return null;
  const caughtUp = stepOf(record.plan, "catch-up");
  if (caughtUp !== null) return provenLossless(caughtUp, checkpoints);
  return estimateLoss({
    leader: record.leaderSight,
    leaderCheckpoints: stepOf(record.plan, "drain")?.leaderCheckpoints ?? [],
    checkpoints,
    closedAtMs: record.closedAtMs,
  });
}

/** A switchover loses nothing: it was seen that every shard had reached its leader, and here it is seen again. */
function provenLossless({ leaderCheckpoints }: StepOf<"catch-up">, checkpoints: readonly ShardCheckpoint[]) {
  const reached = new Map(
    checkpoints.map(({ index, shard, globalCheckpoint }) => [`${index}/${shard}`, globalCheckpoint]),
  );
  const parted = (leaderCheckpoints ?? [])
    .map(({ index, shard, checkpoint }) => ({ key: `${index}/${shard}`, checkpoint }))
    .filter(({ key, checkpoint }) => reached.get(key) !== checkpoint)
    .map(({ key, checkpoint }) => `${key} is at ${reached.get(key) ?? "nothing"}, its leader ended at ${checkpoint}`);
  assertNoneLeft(parted, "shards that are not equal to their leaders any more", []);
  return noLoss;
}

async function close(context: StepContext, step: StepOf<"close">) {
  const { cluster } = context;
  const open = async () => namesOf(await presentOf(cluster, step.indices), (index) => index.following && index.open);
  const failures = await inBatches(context, await open(), (batch) => cluster.closeIndices(batch));
  assertNoneLeft(await open(), "indices still open", failures);
  return step;
}

/** Time between two looks at whether an index is converted while its unfollow has not answered yet. */
const UNFOLLOW_LOOK_MS = 200;

async function unfollow(context: StepContext, step: StepOf<"unfollow">) {
  const { cluster } = context;
  const following = async () => namesOf(await presentOf(cluster, step.indices), (index) => index.following);
  const isFollowing = sharedLook(context.clock, following);
  const failures = await each(context, await following(), String, (index) =>
    unfollowOne(context, index, () => isFollowing(index)),
  );
  assertNoneLeft(await following(), "indices still followers", failures);
  return step;
}

/**
 * Settles with the request, or as soon as a look shows the index converted. Elasticsearch converts first and answers
 * only once the leader has dropped its retention leases, for which it waits in vain when the leader has lost its power.
 */
async function unfollowOne(
  { cluster, clock, signal }: StepContext,
  index: string,
  isFollowing: () => Promise<boolean>,
): Promise<void> {
  const answered = new AbortController();
  const converted = new AbortController();
  const request = cluster.unfollow(index, converted.signal).finally(() => answered.abort());
  // Whoever does not wait for it any more must not be told of its failure either.
  request.catch(() => undefined);
  const until = AbortSignal.any([signal, answered.signal]);
  while (!until.aborted) {
    await clock.sleep(UNFOLLOW_LOOK_MS, until).catch(() => undefined);
    if (until.aborted || (await isFollowing().catch(() => true))) continue;
    // Hundreds that wait in vain would take every connection to the region.
    converted.abort();
    return;
  }
  signal.throwIfAborted();
  await request;
}

/**
 * Whether an index is still among those that `look` lists. Callers share a look, one at a time, and the next one begins
 * no sooner than twice as long after it as it took: looking at hundreds of indices costs the cluster something, too.
 */
function sharedLook(clock: Clock, look: () => Promise<readonly string[]>): (index: string) => Promise<boolean> {
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let isLooking = false;
  let latest: Promise<readonly string[]> = Promise.resolve([]);
  return async (index) => {
    const startedMs = clock.monotonicMs();
    if (!isLooking && startedMs >= notBeforeMs) {
      isLooking = true;
      latest = look().finally(() => {
        isLooking = false;
        const endedMs = clock.monotonicMs();
        notBeforeMs = endedMs + Math.max(UNFOLLOW_LOOK_MS, 2 * (endedMs - startedMs));
      });
    }
    return (await latest).includes(index);
  };
}

async function open(context: StepContext, step: StepOf<"open">) {
  const { cluster, clock, signal, config } = context;
  const closed = async () => namesOf(await presentOf(cluster, step.indices), (index) => !index.open);
  const failures = await inBatches(context, await closed(), (batch) => cluster.openIndices(batch));
  assertNoneLeft(await closed(), "indices still closed", failures);
  const endsMs = clock.monotonicMs() + config.elasticsearch.requestTimeoutMs;
  const unassigned = async () => namesOf(await presentOf(cluster, step.indices), lacksPrimary);
  while ((await unassigned()).length > 0 && clock.monotonicMs() < endsMs) await clock.sleep(POLL_INTERVAL_MS, signal);
  assertNoneLeft(await unassigned(), "indices without all primaries", []);
  return step;
}

async function setWriteAliases(context: StepContext, step: StepOf<"write-aliases">) {
  const { cluster } = context;
  const nameOf = ({ alias, index }: { readonly alias: string; readonly index: string }) => `${alias} on ${index}`;
  const unset = async () => {
    const indices = step.aliases.map(({ index }) => index);
    const present = new Map((await presentOf(cluster, indices)).map((index) => [index.name, index]));
    return step.aliases.filter(({ alias, index }) =>
      present.get(index)?.aliases.some((membership) => membership.alias === alias && !membership.isWriteIndex),
    );
  };
  const failures = await each(context, await unset(), nameOf, ({ alias, index }) =>
    cluster.setWriteIndex(alias, index),
  );
  assertNoneLeft((await unset()).map(nameOf), "aliases without their write index", failures);
  return step;
}

async function promoteDataStreams(context: StepContext, step: StepOf<"data-streams">) {
  const { cluster, record } = context;
  const wanted = async () => (await cluster.dataStreams()).filter(({ name }) => step.dataStreams.includes(name));
  const replicated = namesOf(await wanted(), (stream) => stream.replicated);
  const notPromoted = await each(context, replicated, String, (name) => cluster.promoteDataStream(name));
  // A write index that came from the old region has not been rolled over yet.
  const followed = new Set(stepOf(record.plan, "unfollow")?.indices ?? []);
  const toRollOver = namesOf(await wanted(), (stream) => !stream.replicated && followed.has(stream.writeIndex));
  const notRolledOver = await each(context, toRollOver, String, (name) => cluster.rolloverDataStream(name));
  const unfinished = namesOf(await wanted(), (stream) => stream.replicated || followed.has(stream.writeIndex));
  assertNoneLeft(unfinished, "data streams not promoted and rolled over", [...notPromoted, ...notRolledOver]);
  return step;
}

async function verify(context: StepContext, step: StepOf<"verify">) {
  const { cluster, other } = context;
  const late = (await followersOf(cluster, other.region)).map(({ index }) => index);
  if (late.length > 0) throw new LateFollowers(late);
  const present = await presentOf(cluster, step.indices);
  assertNoneLeft(
    namesOf(present, (index) => index.following),
    "indices still followers",
    [],
  );
  assertNoneLeft(
    namesOf(present, (index) => !index.open || lacksPrimary(index)),
    "indices not open",
    [],
  );
  // Blocked on the old region already, so nobody expects to write there; a data stream is written to its newest index.
  const writable = namesOf(present, ({ writeBlocked, dataStream }) => !writeBlocked && dataStream === null);
  const refused = await each(context, writable, String, (name) => cluster.probeWrite(name));
  assertNoneLeft(refused, "indices that accept no writes", []);
  return step;
}
