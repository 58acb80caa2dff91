import type { IndexState } from "../../core/state/cluster.ts";
import { type StepOf, targetsGivenUp } from "../../core/state/plan.ts";
import { LateFollowers, sortOut, UnfinishedCopies } from "./followers-changed.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { assertNoneLeft, each, followersOf, lacksPrimary, namesOf, type StepContext } from "./step.ts";

/**
 * Verifies that every index of the plan is open, follows nothing and accepts writes. A follower that the plan leaves out
 * may still be there.
 *
 * @throws LateFollowers, UnfinishedCopies
 */
export async function verify(context: StepContext, step: StepOf<"verify">) {
  const { cluster, other, record } = context;
  const followers = await followersOf(cluster, other.region);
  const states = await cluster.indices();
  const { late, unfinished } = sortOut(record.plan, followers, states);
  if (unfinished.length > 0) throw new UnfinishedCopies(unfinished);
  if (late.length > 0) throw new LateFollowers(late);
  const wanted = new Set(step.indices);
  const present = states.filter(({ name }) => wanted.has(name));
  const of = present.length;
  assertNoneStuck(
    namesOf(present, (index) => index.following),
    { of, what: "indices still followers", reason: "it is still a follower", failures: [] },
  );
  assertNoneStuck(
    namesOf(present, (index) => !index.open || lacksPrimary(index)),
    { of, what: "indices not open", reason: "it is closed, or lacks a primary", failures: [] },
  );
  const streams = await promotedStreams(context, step, states);
  // A block that is left is the users' own.
  const writable = namesOf(
    states.filter(({ name, dataStream }) => (dataStream === null ? wanted.has(name) : streams.has(name))),
    ({ writeBlocked }) => !writeBlocked,
  );
  const failures = await each(context, writable, String, (name) => cluster.probeWrite(name));
  const refusing = writable.filter((name) => failures.some((sentence) => sentence.startsWith(`${name}: `)));
  assertNoneStuck(refusing, { of, what: "indices that accept no writes", reason: "it accepts no writes", failures });
  return step;
}

/**
 * The write indices of the data streams that the plan promotes. A stream takes new documents alone, which could not be removed
 * again, and with a failure store keeps even those that it cannot index. So its write index is probed by its own name, like
 * other indices: that this is where the stream writes is what Elasticsearch answers about it.
 */
async function promotedStreams(
  { cluster, record: { plan } }: StepContext,
  step: StepOf<"verify">,
  states: readonly IndexState[],
): Promise<ReadonlySet<string>> {
  const wanted = new Set(step.indices);
  if (!states.some(({ name, dataStream }) => dataStream !== null && wanted.has(name))) return new Set();
  const givenUp = new Set(targetsGivenUp(plan).map(({ index }) => index));
  const streams = (await cluster.dataStreams()).filter(
    ({ name, indices }) => !givenUp.has(name) && indices.some((index) => wanted.has(index.name)),
  );
  assertNoneLeft(
    namesOf(streams, ({ replicated }) => replicated),
    "data streams not promoted",
    [],
  );
  return new Set(streams.map(({ writeIndex }) => writeIndex));
}
