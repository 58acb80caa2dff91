import type { StepOf } from "../../core/state/plan.ts";
import { LateFollowers, sortOut, UnfinishedCopies } from "./followers-changed.ts";
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
  // A block that is left is the users' own; a data stream is written to through its newest index.
  const writable = namesOf(present, ({ writeBlocked, dataStream }) => !writeBlocked && dataStream === null);
  const refused = await each(context, writable, String, (name) => cluster.probeWrite(name));
  assertNoneLeft(refused, "indices that accept no writes", []);
  return step;
}
