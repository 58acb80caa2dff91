import type { StepOf } from "../../core/state/plan.ts";
import { assertNoneLeft, each, followersOf, lacksPrimary, namesOf, presentOf, type StepContext } from "./step.ts";

/** Followers created after the plan was made. They are no failure: the plan is extended by them. */
export class LateFollowers extends Error {
  readonly indices: readonly string[];

  constructor(indices: readonly string[]) {
    super(`${indices.join(", ")} began to follow during the promotion`);
    this.name = "LateFollowers";
    this.indices = indices;
  }
}

/**
 * Verifies that every index of the plan is open, follows nothing and accepts writes.
 *
 * @throws LateFollowers
 */
export async function verify(context: StepContext, step: StepOf<"verify">) {
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
  // A block that came from the old region is the users' own; a data stream is written to through its newest index.
  const writable = namesOf(present, ({ writeBlocked, dataStream }) => !writeBlocked && dataStream === null);
  const refused = await each(context, writable, String, (name) => cluster.probeWrite(name));
  assertNoneLeft(refused, "indices that accept no writes", []);
  return step;
}
