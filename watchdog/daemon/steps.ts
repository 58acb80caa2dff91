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
  /** Throws when nothing more may be done: asked before every call that changes something. */
  readonly mayAct: () => void;
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

async function pauseAutoFollow(context: StepContext, step: StepOf<"pause-auto-follow">) {
  const { cluster, record } = context;
  const active = async () =>
    (await cluster.autoFollowPatterns())
      .filter((pattern) => pattern.active && pattern.remoteCluster === record.from)
      .map(({ name }) => name);
  const failures = await each(context, await active(), String, (name) => cluster.pauseAutoFollow(name));
  demandNone(await active(), "auto-follow patterns still active", failures);
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

async function pauseFollow(context: StepContext, step: StepOf<"pause-follow">) {
  const { cluster, record } = context;
  const active = async () =>
    (await followersOf(cluster, record.from))
      .filter(({ index, status }) => status === "active" && step.indices.includes(index))
      .map(({ index }) => index);
  const failures = await each(context, await active(), String, (index) => cluster.pauseFollow(index));
  demandNone(await active(), "indices still following", failures);
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

async function close(context: StepContext, step: StepOf<"close">) {
  const { cluster } = context;
  const open = async () => namesOf(await presentOf(cluster, step.indices), (index) => index.following && index.open);
  const failures = await inBatches(context, await open(), (batch) => cluster.closeIndices(batch));
  demandNone(await open(), "indices still open", failures);
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
  demandNone(await following(), "indices still followers", failures);
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
  const request = cluster.unfollow(index).finally(() => answered.abort());
  // Whoever does not wait for it any more must not be told of its failure either.
  request.catch(() => undefined);
  const until = AbortSignal.any([signal, answered.signal]);
  while (!until.aborted) {
    await clock.sleep(UNFOLLOW_LOOK_MS, until).catch(() => undefined);
    if (!until.aborted && !(await isFollowing().catch(() => true))) return;
  }
  signal.throwIfAborted();
  await request;
}

/** Whether an index is still among those that `look` lists; callers within one interval share a look. */
function sharedLook(clock: Clock, look: () => Promise<readonly string[]>): (index: string) => Promise<boolean> {
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let latest: Promise<readonly string[]> = Promise.resolve([]);
  return async (index) => {
    if (clock.monotonicMs() - lookedAtMs >= UNFOLLOW_LOOK_MS) {
      lookedAtMs = clock.monotonicMs();
      latest = look();
    }
    return (await latest).includes(index);
  };
}

async function open(context: StepContext, step: StepOf<"open">) {
  const { cluster, clock, signal, config } = context;
  const closed = async () => namesOf(await presentOf(cluster, step.indices), (index) => !index.open);
  const failures = await inBatches(context, await closed(), (batch) => cluster.openIndices(batch));
  demandNone(await closed(), "indices still closed", failures);
  const endsMs = clock.monotonicMs() + config.elasticsearch.requestTimeoutMs;
  const unassigned = async () => namesOf(await presentOf(cluster, step.indices), lacksPrimary);
  while ((await unassigned()).length > 0 && clock.monotonicMs() < endsMs) await clock.sleep(DRAIN_LOOK_MS, signal);
  demandNone(await unassigned(), "indices without all primaries", []);
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
  demandNone((await unset()).map(nameOf), "aliases without their write index", failures);
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
  demandNone(unfinished, "data streams not promoted and rolled over", [...notPromoted, ...notRolledOver]);
  return step;
}

async function verify(context: StepContext, step: StepOf<"verify">) {
  const { cluster, record } = context;
  const late = (await followersOf(cluster, record.from)).map(({ index }) => index);
  if (late.length > 0) throw new LateFollowers(late);
  const present = await presentOf(cluster, step.indices);
  demandNone(
    namesOf(present, (index) => index.following),
    "indices still followers",
    [],
  );
  demandNone(
    namesOf(present, (index) => !index.open || lacksPrimary(index)),
    "indices not open",
    [],
  );
  // Blocked on the old region already, so nobody expects to write there; a data stream is written to its newest index.
  const writable = namesOf(present, ({ writeBlocked, dataStream }) => !writeBlocked && dataStream === null);
  const refused = await each(context, writable, String, (name) => cluster.probeWrite(name));
  demandNone(refused, "indices that accept no writes", []);
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

const namesOf = <T extends { readonly name: string }>(items: readonly T[], isWanted: (item: T) => boolean) =>
  items.filter(isWanted).map(({ name }) => name);

/** One request per item, a bounded number at once; returns the failures as sentences. */
function each<T>(
  { config, mayAct }: StepContext,
  items: readonly T[],
  nameOf: (item: T) => string,
  request: (item: T) => Promise<void>,
): Promise<readonly string[]> {
  return forEachBounded(items, config.promotion.parallelism, nameOf, (item) => {
    mayAct();
    return request(item);
  });
}

/** One request per batch: closing and opening are changes of the cluster's state, whatever their size. */
function inBatches(
  context: StepContext,
  names: readonly string[],
  request: (batch: readonly string[]) => Promise<void>,
): Promise<readonly string[]> {
  const { batchSize } = context.config.promotion;
  const batches = Array.from({ length: Math.ceil(names.length / batchSize) }, (_, n) =>
    names.slice(n * batchSize, (n + 1) * batchSize),
  );
  return each(context, batches, (batch) => batch.join(","), request);
}

function demandNone(left: readonly string[], what: string, failures: readonly string[]): void {
  if (left.length === 0) return;
  const shown = (list: readonly string[]) =>
    list.slice(0, 3).join("; ") + (list.length > 3 ? ` and ${list.length - 3} more` : "");
  throw new Error(`${what}: ${shown(left)}${failures.length === 0 ? "" : ` (${shown(failures)})`}`);
}
