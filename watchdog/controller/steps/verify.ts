import type { StepOf } from "../../core/state/plan.ts";
import { LateFollowers, sortOut, UnfinishedCopies } from "./followers-changed.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { each, followersOf, lacksPrimary, namesOf, type StepContext } from "./step.ts";

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
  // A block that is left is the users' own; a data stream is written to through its newest index.
  const writable = namesOf(present, ({ writeBlocked, dataStream }) => !writeBlocked && dataStream === null);
  const failures = await each(context, writable, String, (name) => cluster.probeWrite(name));
  const refusing = writable.filter((name) => failures.some((sentence) => sentence.startsWith(`${name}: `)));
  assertNoneStuck(refusing, { of, what: "indices that accept no writes", reason: "it accepts no writes", failures });
  return step;
}
