import type { DataStreamState, DoomedIndex } from "../../core/state/cluster.ts";
import { leftOutBy, type PlanStep, type StepOf, stepOf } from "../../core/state/plan.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { pauseActive } from "./replication-end.ts";
import { each, namesOf, type StepContext } from "./step.ts";

/**
 * Promotes the data streams whose indices were followed: each then takes writes into its newest followed index, and may be
 * rolled over. Where that index is left out the stream is rolled over at once, as it could take no write. That needs an index
 * template; without one the stream is given up and named. The others serve.
 */
export async function promoteDataStreams(context: StepContext, step: StepOf<"data-streams">): Promise<PlanStep> {
  const { cluster } = context;
  const leftOut = new Set(leftOutBy(context.record.plan).map(({ index }) => index));
  const ours = async () => streamsOf(await cluster.dataStreams(), context, step);
  const replicated = namesOf(await ours(), (stream) => stream.replicated);
  const notPromoted = await each(context, replicated, String, (name) => cluster.promoteDataStream(name));
  const promoted = await ours();
  const isStuck = ({ writeIndex }: DataStreamState) => leftOut.has(writeIndex);
  const toRollOver = namesOf(promoted, (stream) => !stream.replicated && isStuck(stream) && stream.hasTemplate);
  const notRolledOver = await each(context, toRollOver, String, (name) => cluster.rolloverDataStream(name));
  const left = await ours();
  const unfinished = namesOf(left, (stream) => stream.replicated || (isStuck(stream) && stream.hasTemplate));
  assertNoneStuck(unfinished, {
    of: unfinished.length + 1,
    what: "data streams not promoted, or not rolled over",
    reason: "it could not be promoted, or not rolled over",
    failures: [...notPromoted, ...notRolledOver],
  });
  const failures = left.filter(isStuck).map(({ name, writeIndex }) => ({
    index: name,
    reason: `it takes no writes: ${writeIndex} is left out, and no index template matches the stream: put one, and roll it over`,
  }));
  const dataStreams = promoted.map(({ name }) => name).toSorted();
  return failures.length === 0 ? { ...step, dataStreams } : { ...step, dataStreams, failures };
}

/** Those of the plan, and those that appeared since it was made: auto-follow creates them with their first index. */
function streamsOf(
  streams: readonly DataStreamState[],
  { record: { plan } }: StepContext,
  step: StepOf<"data-streams">,
): readonly DataStreamState[] {
  const names = new Set(step.dataStreams);
  const followed = new Set([...(stepOf(plan, "open")?.indices ?? []), ...leftOutBy(plan).map(({ index }) => index)]);
  return streams.filter(({ name, indices }) => names.has(name) || indices.some((index) => followed.has(index.name)));
}

/**
 * The followers that go with an index that is deleted, as they share a data stream into which it takes the writes: a promotion
 * that was undone half-way leaves such streams. They hold nothing of their own.
 */
export async function followersInStreamsOf(
  context: StepContext,
  doomed: readonly DoomedIndex[],
): Promise<readonly DoomedIndex[]> {
  if (doomed.every(({ dataStream }) => dataStream === null)) return [];
  const { cluster } = context;
  const names = new Set(doomed.map(({ name }) => name));
  const streams = namesOf(
    await cluster.dataStreams(),
    ({ replicated, writeIndex }) => replicated && names.has(writeIndex),
  );
  const followers = (await cluster.indices()).filter(
    ({ following, dataStream }) => following && dataStream !== null && streams.includes(dataStream),
  );
  // The task of one that is deleted while it is active would outlive it.
  await pauseActive(
    context,
    followers.map(({ name }) => name),
  );
  return followers;
}
