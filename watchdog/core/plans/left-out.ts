import type { RegionName } from "../../config/address.ts";
import { type Follower, followsAnother, type IndexState } from "../state/cluster.ts";
import { copyThen, isUnfinished } from "../state/first-copy.ts";
import type { StandbySnapshot } from "../state/observations.ts";
import {
  copiesOf,
  currentStep,
  notStarted,
  type Plan,
  type PlanStep,
  type StepOf,
  stepOf,
  stuckOf,
  withStep,
} from "../state/plan.ts";
import type { LeaderSnapshot, LeftOut } from "../state/record-fields.ts";
import { type AliasKnowledge, writeAliasStep } from "./write-aliases.ts";
import { keepBlocks } from "./write-blocks.ts";

/**
 * Followers that a promotion leaves out, names, and deletes before the region opens. Those whose first copy is unfinished:
 * Elasticsearch refuses to pause, close or unfollow them, and opening one brings no shard. And those whose leader was deleted
 * and made again: they have what the users deleted, and nothing of what the new index holds.
 */

export type Copy = StepOf<"discard-copies">["copies"][number];

export interface FollowersOf {
  /** Those that are promoted, by name. */
  readonly complete: readonly string[];
  readonly copies: readonly Copy[];
}

/**
 * The followers of the old region.
 *
 * @param leader its last snapshot, by which those of deleted leaders are left out; null: all complete ones are promoted
 */
export function followersFrom(
  from: RegionName,
  { followers, indices }: StandbySnapshot,
  leader: LeaderSnapshot | null,
): FollowersOf {
  const own = followers.filter(({ remoteCluster }) => remoteCluster === from);
  const unfinished = new Map(indices.filter(isUnfinished).map((index) => [index.name, index]));
  const replaced = new Map(replacedOf(own, leader).map((follower) => [follower.index, follower]));
  const uuids = new Map(indices.map(({ name, uuid }) => [name, uuid]));
  const complete = own.map(({ index }) => index).filter((name) => !unfinished.has(name));
  const deleted = complete.flatMap((index): readonly Copy[] => {
    const [uuid, deletedLeader] = [uuids.get(index), replaced.get(index)?.leaderUuid];
    if (uuid === undefined || deletedLeader == null) return [];
    return [{ index, uuid, reason: "its leader was deleted and made again", deletedLeader }];
  });
  const copies = [...leftOutOf(own.flatMap(({ index }) => unfinished.get(index) ?? [])), ...deleted];
  const left = new Set(deleted.map(({ index }) => index));
  return { complete: complete.filter((name) => !left.has(name)).toSorted(), copies: copies.toSorted(byIndex) };
}

/**
 * Followers of which the old region was seen to have another index under the leader's name. None, where that is so for more
 * than half of them: a region that was built again has new indices under all names, and the followers are the only copies.
 */
function replacedOf(followers: readonly Follower[], leader: LeaderSnapshot | null): readonly Follower[] {
  const uuids = new Map(leader?.uuids.map(({ index, uuid }) => [index, uuid]));
  const replaced = followers.filter((follower) => {
    const uuid = uuids.get(follower.leaderIndex);
    return uuid !== undefined && followsAnother(follower, uuid);
  });
  return replaced.length * 2 > followers.length ? [] : replaced;
}

/** Unfinished copies as a plan has them. */
export function leftOutOf(indices: readonly IndexState[]): readonly Copy[] {
  return indices
    .map(({ name, uuid, firstCopy }) => ({
      index: name,
      uuid,
      reason: firstCopy === null ? "its first copy was unfinished" : copyThen(firstCopy),
    }))
    .toSorted(byIndex);
}

/** The step that deletes these; no step where there are none. */
export function discardCopies(copies: readonly Copy[]): readonly StepOf<"discard-copies">[] {
  return copies.length === 0 ? [] : [{ kind: "discard-copies", ...notStarted, copies, failures: [] }];
}

/** What became of followers since the plan was made. */
export interface FollowersChange {
  /** Complete ones that the plan does not promote yet. */
  readonly late: readonly string[];
  /** Unfinished ones that the plan does not leave out yet. */
  readonly unfinished: readonly IndexState[];
}

/**
 * The plan with followers that appeared, or whose first copy was completed or begun, after it was made: auto-follow creates
 * followers asynchronously. The steps from `pause-follow` on run again. What was recorded stays; indices that are detached
 * stay as they are.
 */
export function withFollowersChanged(plan: Plan, { late, unfinished }: FollowersChange, known: AliasKnowledge): Plan {
  const copying = new Set(unfinished.map(({ name }) => name));
  const indicesOf = (indices: readonly string[]) =>
    [...new Set([...indices, ...late])].filter((name) => !copying.has(name)).toSorted();
  const copies = [
    ...copiesOf(plan).filter(({ index }) => !late.includes(index) && !copying.has(index)),
    ...leftOutOf(unfinished),
  ].toSorted(byIndex);
  const promoted = indicesOf(stepOf(plan, "verify")?.indices ?? []);
  const steps = plan.steps.flatMap((step): readonly PlanStep[] => {
    switch (step.kind) {
      case "discard-copies":
      case "keep-blocks":
        return [];
      case "write-aliases":
        // A repair sets those of indices that join.
        return [again(step, plan.kind === "repair" ? step : writeAliasStep(promoted, known))];
      case "data-streams":
        return plan.kind === "repair" ? [again(step, step)] : [again(step, step), ...discardCopies(copies)];
      case "record-checkpoints":
        // A checkpoint is of an earlier index of the same name: of this one nothing is complete.
        return [
          again(step, {
            ...step,
            indices: indicesOf(step.indices),
            checkpoints: step.checkpoints?.filter(({ index }) => !copying.has(index)) ?? null,
          }),
        ];
      case "verify": {
        const before = plan.kind === "repair" ? discardCopies(copies) : keepBlocks(promoted, known.leader);
        return [...before, again(step, { ...step, indices: promoted })];
      }
      case "pause-follow":
      case "close":
      case "unfollow":
      case "open":
        return [again(step, { ...step, indices: indicesOf(step.indices) })];
      default:
        return [step];
    }
  });
  return { ...plan, steps };
}

/**
 * The plan without what a step keeps failing for. An alias or a data stream is given up, while its indices serve. Indices
 * stay as they are, and what was recorded of them stays, too: their checkpoints say from where on the old region has more.
 */
export function withStuckLeftOut(plan: Plan, stuck: readonly LeftOut[], known: AliasKnowledge): Plan {
  const names = new Set(stuck.map(({ index }) => index));
  const left = (indices: readonly string[]) => indices.filter((name) => !names.has(name));
  const promoted = left(stepOf(plan, "verify")?.indices ?? []);
  const current = currentStep(plan);
  if (current?.kind === "write-aliases" || current?.kind === "data-streams") {
    return withStep(plan, { ...current, status: "done", error: null, failures: stuck });
  }
  const steps = plan.steps.map((step): PlanStep => {
    switch (step.kind) {
      case "write-aliases":
        if (plan.kind !== "repair") return again(step, writeAliasStep(promoted, known));
        return { ...step, aliases: step.aliases.filter(({ index }) => !names.has(index)) };
      case "pause-follow":
      case "record-checkpoints":
      case "close":
      case "unfollow":
      case "open":
      case "keep-blocks":
      case "verify": {
        const next = { ...step, indices: left(step.indices) };
        return step === current ? again(step, next) : next;
      }
      default:
        return step;
    }
  });
  return { ...plan, steps, leftOut: [...stuckOf(plan), ...stuck].toSorted(byIndex) };
}

const byIndex = (a: LeftOut, b: LeftOut) => (a.index < b.index ? -1 : 1);

/** The step as it is to run again. */
const again = <S extends PlanStep>({ attempts }: PlanStep, next: S): S => ({ ...next, ...notStarted, attempts });
