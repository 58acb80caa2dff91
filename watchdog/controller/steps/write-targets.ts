import { leftOutBy, type StepOf, stepOf } from "../../core/state/plan.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { each, namesOf, presentOf, type StepContext } from "./step.ts";

/** Steps about aliases and data streams: their indices are open by then, so that others than those that fail can serve. */

/**
 * Followers carry their leader's aliases, but not which of them is the write index; a fresh one may have none yet. The old
 * region may have rolled over to an index that is not here: then the one before it, marked as complete, is written to again.
 */
export async function setWriteAliases(context: StepContext, step: StepOf<"write-aliases">) {
  const { cluster } = context;
  const nameOf = ({ alias, index }: { readonly alias: string; readonly index: string }) => `${alias} on ${index}`;
  const unset = async () => {
    const indices = step.aliases.map(({ index }) => index);
    const present = new Map((await presentOf(cluster, indices)).map((index) => [index.name, index]));
    return step.aliases.filter(({ alias, index }) => {
      const state = present.get(index);
      const isSet = state?.aliases.some((membership) => membership.alias === alias && membership.isWriteIndex);
      return state !== undefined && (isSet !== true || state.indexingComplete);
    });
  };
  const failures = await each(context, await unset(), nameOf, async ({ alias, index }) => {
    const [state] = await presentOf(cluster, [index]);
    if (state?.indexingComplete) await cluster.resumeIndexing(index);
    await cluster.setWriteIndex(alias, index);
  });
  const reason = "its write index could not be set";
  const left = (await unset()).map(nameOf);
  assertNoneStuck(left, { of: left.length + 1, what: "aliases without their write index", reason, failures });
  return step;
}

/** Promotes replicated data streams and rolls them over, so that each has a write index of this region. */
export async function promoteDataStreams(context: StepContext, step: StepOf<"data-streams">) {
  const { cluster, record } = context;
  const wanted = async () => (await cluster.dataStreams()).filter(({ name }) => step.dataStreams.includes(name));
  const replicated = namesOf(await wanted(), (stream) => stream.replicated);
  const notPromoted = await each(context, replicated, String, (name) => cluster.promoteDataStream(name));
  // A write index that was a follower shows that the stream has not been rolled over yet.
  const leftOut = leftOutBy(record.plan).map(({ index }) => index);
  const followed = new Set([...(stepOf(record.plan, "unfollow")?.indices ?? []), ...leftOut]);
  const toRollOver = namesOf(await wanted(), (stream) => !stream.replicated && followed.has(stream.writeIndex));
  const notRolledOver = await each(context, toRollOver, String, (name) => cluster.rolloverDataStream(name));
  const unfinished = namesOf(await wanted(), (stream) => stream.replicated || followed.has(stream.writeIndex));
  const failures = [...notPromoted, ...notRolledOver];
  const [what, reason] = ["data streams not promoted and rolled over", "it could not be promoted and rolled over"];
  assertNoneStuck(unfinished, { of: unfinished.length + 1, what, reason, failures });
  return step;
}
