import type { WatchdogConfig } from "../config/schema.ts";
import { estimateLoss } from "../core/loss.ts";
import type { Clock, Cluster, Follower, IndexState } from "../core/ports.ts";
import { stepOf } from "../core/promotion.ts";
import type { LeaderCheckpoints, PlanStep, PromotingRecord, StepKind } from "../core/record.ts";
import { forEachBounded } from "./loop.ts";

/** What a step may use. */
export interface StepContext {
  /** The region that is being promoted. */
  readonly cluster: Cluster;
  readonly record: PromotingRecord;
  readonly config: WatchdogConfig;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

type StepOf<K extends StepKind> = Extract<PlanStep, { kind: K }>;

/**
 * One per kind of step. Each does what is not done yet, reads back, and returns the step with what it recorded; it
 * throws, with the reason, when reading back shows that something is left. A call that failed or timed out proves
 * nothing either way: an unfollow may have worked although it reported that a retention lease stayed behind.
 */
type StepRunners = {
  readonly [K in StepKind]: (context: StepContext, step: StepOf<K>) => Promise<StepOf<K>>;
};

/** Followers that came up after the plan was made. They are no failure: the plan is extended by them. */
export class LateFollowers extends Error {
  readonly indices: readonly string[];

  constructor(indices: readonly string[]) {
    super(`${indices.join(", ")} began to follow while the promotion was under way`);
    this.name = "LateFollowers";
    this.indices = indices;
  }
}

export const stepRunners: StepRunners = {
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
};

/** Runs a step of any kind. */
export function runStep(context: StepContext, step: PlanStep): Promise<PlanStep> {
  const runner = stepRunners[step.kind] as (context: StepContext, step: PlanStep) => Promise<PlanStep>;
  return runner(context, step);
}

async function pauseAutoFollow({ cluster, record }: StepContext, step: StepOf<"pause-auto-follow">) {
  const active = async () =>
    (await cluster.autoFollowPatterns()).filter((pattern) => pattern.active && pattern.remoteCluster === record.from);
  const failures = await forEachBounded(
    await active(),
    1,
    ({ name }) => name,
    ({ name }) => cluster.pauseAutoFollow(name),
  );
  const left = (await active()).map(({ name }) => name);
  demandNone(left, "auto-follow patterns still active", failures);
  return step;
}

/** Time between two looks at whether replication still moves, and looks without a change after which it has ended. */
const DRAIN_LOOK_MS = 500;
const DRAIN_QUIET_LOOKS = 2;

async function drain({ cluster, clock, signal, record }: StepContext, step: StepOf<"drain">) {
  const endsMs = clock.monotonicMs() + step.timeoutMs;
  let followers = await followersOf(cluster, record.from);
  let quiet = 0;
  while (quiet < DRAIN_QUIET_LOOKS && clock.monotonicMs() < endsMs) {
    await clock.sleep(DRAIN_LOOK_MS, signal);
    const now = await followersOf(cluster, record.from);
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

async function pauseFollow({ cluster, record, config }: StepContext, step: StepOf<"pause-follow">) {
  const active = async () =>
    (await followersOf(cluster, record.from)).filter(
      ({ index, status }) => status === "active" && step.indices.includes(index),
    );
  const { parallelism } = config.promotion;
  const failures = await forEachBounded(
    await active(),
    parallelism,
    ({ index }) => index,
    ({ index }) => cluster.pauseFollow(index),
  );
  const left = (await active()).map(({ index }) => index);
  demandNone(left, "indices still following", failures);
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
  demandNone(
    wanted.filter((index) => !answered.has(index)),
    "indices without a checkpoint",
    [],
  );
  const checkpoints = [...recorded, ...fresh];
  const leaderCheckpoints = stepOf(record.plan, "drain")?.leaderCheckpoints ?? [];
  const loss = estimateLoss({
    sight: record.leaderSight,
    leaderCheckpoints,
    checkpoints,
    closedAtMs: record.closedAtMs,
  });
  return { ...step, checkpoints, loss };
}

async function close({ cluster, config }: StepContext, step: StepOf<"close">) {
  const stillOpen = async () =>
    (await presentOf(cluster, step.indices)).filter((index) => index.following && index.open).map(({ name }) => name);
  const failures = await inBatches(await stillOpen(), config.promotion, (batch) => cluster.closeIndices(batch));
  demandNone(await stillOpen(), "indices still open", failures);
  return step;
}

async function unfollow({ cluster, config }: StepContext, step: StepOf<"unfollow">) {
  const following = async () =>
    (await presentOf(cluster, step.indices)).filter((index) => index.following).map(({ name }) => name);
  const { parallelism } = config.promotion;
  const failures = await forEachBounded(await following(), parallelism, String, (index) => cluster.unfollow(index));
  demandNone(await following(), "indices still followers", failures);
  return step;
}

async function open({ cluster, config, clock, signal }: StepContext, step: StepOf<"open">) {
  const closed = async () =>
    (await presentOf(cluster, step.indices)).filter((index) => !index.open).map(({ name }) => name);
  const failures = await inBatches(await closed(), config.promotion, (batch) => cluster.openIndices(batch));
  demandNone(await closed(), "indices still closed", failures);
  const endsMs = clock.monotonicMs() + config.elasticsearch.requestTimeoutMs;
  const unassigned = async () => (await presentOf(cluster, step.indices)).filter(lacksPrimary).map(({ name }) => name);
  while ((await unassigned()).length > 0 && clock.monotonicMs() < endsMs) await clock.sleep(DRAIN_LOOK_MS, signal);
  demandNone(await unassigned(), "indices without all primaries", []);
  return step;
}

async function setWriteAliases({ cluster, config }: StepContext, step: StepOf<"write-aliases">) {
  const unset = async () => {
    const present = new Map(
      (
        await presentOf(
          cluster,
          step.aliases.map(({ index }) => index),
        )
      ).map((index) => [index.name, index]),
    );
    return step.aliases.filter(({ alias, index }) =>
      present.get(index)?.aliases.some((membership) => membership.alias === alias && !membership.isWriteIndex),
    );
  };
  const name = ({ alias, index }: { readonly alias: string; readonly index: string }) => `${alias} on ${index}`;
  const { parallelism } = config.promotion;
  const failures = await forEachBounded(await unset(), parallelism, name, ({ alias, index }) =>
    cluster.setWriteIndex(alias, index),
  );
  demandNone((await unset()).map(name), "aliases without their write index", failures);
  return step;
}

async function promoteDataStreams({ cluster, record, config }: StepContext, step: StepOf<"data-streams">) {
  const wanted = async () => (await cluster.dataStreams()).filter(({ name }) => step.dataStreams.includes(name));
  const { parallelism } = config.promotion;
  const replicated = (await wanted()).filter((stream) => stream.replicated);
  const failures = [
    ...(await forEachBounded(
      replicated,
      parallelism,
      ({ name }) => name,
      ({ name }) => cluster.promoteDataStream(name),
    )),
  ];
  // A write index that came from the old region has not been rolled over yet.
  const followed = new Set(stepOf(record.plan, "unfollow")?.indices ?? []);
  const isUnfinished = (stream: { readonly writeIndex: string; readonly replicated: boolean }) =>
    stream.replicated || followed.has(stream.writeIndex);
  const toRoll = (await wanted()).filter((stream) => !stream.replicated && isUnfinished(stream));
  failures.push(
    ...(await forEachBounded(
      toRoll,
      parallelism,
      ({ name }) => name,
      ({ name }) => cluster.rolloverDataStream(name),
    )),
  );
  demandNone(
    (await wanted()).filter(isUnfinished).map(({ name }) => name),
    "data streams not rolled over",
    failures,
  );
  return step;
}

async function verify({ cluster, record, config }: StepContext, step: StepOf<"verify">) {
  const late = (await followersOf(cluster, record.from)).map(({ index }) => index);
  if (late.length > 0) throw new LateFollowers(late);
  const present = await presentOf(cluster, step.indices);
  demandNone(
    present.filter(({ following }) => following).map(({ name }) => name),
    "indices still followers",
    [],
  );
  demandNone(
    present.filter((index) => !index.open || lacksPrimary(index)).map(({ name }) => name),
    "indices not open",
    [],
  );
  // Blocked on the old region already, so nobody expects to write there; a data stream is written to its newest index.
  const writable = present.filter(({ writeBlocked, dataStream }) => !writeBlocked && dataStream === null);
  const { parallelism } = config.promotion;
  const failures = await forEachBounded(
    writable,
    parallelism,
    ({ name }) => name,
    ({ name }) => cluster.probeWrite(name),
  );
  demandNone(failures, "indices that accept no writes", []);
  return step;
}

const followersOf = async (cluster: Cluster, leader: string): Promise<readonly Follower[]> =>
  (await cluster.followers()).filter(({ remoteCluster }) => remoteCluster === leader);

/** The wanted indices that exist; one deleted meanwhile needs no promotion. */
const presentOf = async (cluster: Cluster, names: readonly string[]): Promise<readonly IndexState[]> => {
  const wanted = new Set(names);
  return (await cluster.indices()).filter(({ name }) => wanted.has(name));
};

const lacksPrimary = ({ open: isOpen, primaries, primariesActive }: IndexState) =>
  isOpen && primariesActive < primaries;

async function inBatches(
  names: readonly string[],
  { batchSize, parallelism }: WatchdogConfig["promotion"],
  work: (batch: readonly string[]) => Promise<void>,
): Promise<readonly string[]> {
  const batches = Array.from({ length: Math.ceil(names.length / batchSize) }, (_, n) =>
    names.slice(n * batchSize, (n + 1) * batchSize),
  );
  return forEachBounded(batches, parallelism, (batch) => `${batch[0]} and ${batch.length - 1} more`, work);
}

function demandNone(left: readonly string[], what: string, failures: readonly string[]): void {
  if (left.length === 0) return;
  const shown = (list: readonly string[]) =>
    list.slice(0, 3).join("; ") + (list.length > 3 ? ` and ${list.length - 3} more` : "");
  throw new Error(`${what}: ${shown(left)}${failures.length === 0 ? "" : ` (${shown(failures)})`}`);
}
