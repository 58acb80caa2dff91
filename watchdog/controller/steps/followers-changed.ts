import type { FollowersChange } from "../../core/plans/left-out.ts";
import type { Follower, IndexState } from "../../core/state/cluster.ts";
import { isUnfinished } from "../../core/state/first-copy.ts";
import { copiesOf, type Plan, stuckOf } from "../../core/state/plan.ts";
import { lacksPrimary } from "./step.ts";

/** Followers that are not as the plan has them. They are no failure: the plan is changed, and its steps run again. */
export class FollowersChanged extends Error {
  readonly change: FollowersChange;

  constructor(change: FollowersChange, message: string) {
    super(message);
    this.name = "FollowersChanged";
    this.change = change;
  }
}

/** Followers that the plan lacks, or whose first copy is complete by now: they are promoted with the others. */
export class LateFollowers extends FollowersChanged {
  constructor(late: readonly string[]) {
    super({ late, unfinished: [] }, `${late.join(", ")} began to follow during the promotion`);
  }
}

/** Followers in their first copy that the plan does not leave out yet. */
export class UnfinishedCopies extends FollowersChanged {
  constructor(unfinished: readonly IndexState[]) {
    const names = unfinished.map(({ name }) => name).join(", ");
    super({ late: [], unfinished }, `${names} is in its first copy, and is left out`);
  }
}

/** @throws UnfinishedCopies: nothing can be done with such an index, and the others would wait for it */
export function assertNoneUnfinished(present: readonly IndexState[]): void {
  const unfinished = present.filter(isUnfinished);
  if (unfinished.length > 0) throw new UnfinishedCopies(unfinished);
}

/** What is to be done with the followers that are left; those that the plan leaves out stay as they are. */
export function sortOut(plan: Plan, followers: readonly Follower[], indices: readonly IndexState[]): FollowersChange {
  const states = new Map(indices.map((index) => [index.name, index]));
  const copyOf = ({ name, uuid }: IndexState) =>
    copiesOf(plan).find((copy) => copy.index === name && copy.uuid === uuid);
  const late: string[] = [];
  const unfinished: IndexState[] = [];
  const stuck = new Set(stuckOf(plan).map(({ index }) => index));
  for (const { index } of followers) {
    if (stuck.has(index)) continue;
    const state = states.get(index);
    if (state === undefined) late.push(index);
    else if (copyOf(state)?.deletedLeader !== undefined) continue;
    else if (copyOf(state) !== undefined && (isUnfinished(state) || lacksPrimary(state))) continue;
    else if (isUnfinished(state)) unfinished.push(state);
    else late.push(index);
  }
  return { late, unfinished };
}
